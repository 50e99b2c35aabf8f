// Command example asks a question and prints the answer as it is written.
//
//	go run ./clients/go/example "Why is the sky blue?"
//
// SLUICE_ADDR (127.0.0.1:9090), SLUICE_API_KEY (none) and SLUICE_MODEL
// (sandbox/chat) say where to ask and whom.
package main

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"os/signal"
	"strings"

	sluice "github.com/sluice-ai/sluice/clients/go"
	sluicev1 "github.com/sluice-ai/sluice/gen/go/sluice/v1"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := ask(ctx, strings.Join(os.Args[1:], " "))
	stop()
	if err != nil {
		fmt.Fprintf(os.Stderr, "\n%s: %v\n", sluice.Reason(err), err)
		os.Exit(1)
	}
}

func ask(ctx context.Context, question string) error {
	client, err := sluice.Dial(
		cmp.Or(os.Getenv("SLUICE_ADDR"), "127.0.0.1:9090"),
		sluice.WithAPIKey(os.Getenv("SLUICE_API_KEY")),
	)
	if err != nil {
		return err
	}
	defer func() { _ = client.Close() }()

	request := &sluicev1.ChatCompletionRequest{
		Model: cmp.Or(os.Getenv("SLUICE_MODEL"), "sandbox/chat"),
		Messages: []*sluicev1.ChatMessage{
			sluice.System("Answer in one paragraph."),
			sluice.User(cmp.Or(question, "What does a sluice do?")),
		},
	}
	for chunk, err := range client.Stream(ctx, request) {
		if err != nil {
			return err
		}
		fmt.Print(sluice.ChunkText(chunk))
	}
	fmt.Println()
	return nil
}
