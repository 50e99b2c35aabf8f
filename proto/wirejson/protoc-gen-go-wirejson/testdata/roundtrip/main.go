// Command roundtrip reads lines of a message name, "lenient" or "strict", and a
// document, and prints what the document encodes to, or the error.
package main

import (
	"bufio"
	"fmt"
	"os"
	"strings"

	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"

	_ "github.com/sluice-ai/sluice/proto/wirejson/protoc-gen-go-wirejson/testdata/kinds"

	"github.com/sluice-ai/sluice/proto/wirejson"
)

func main() {
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		name, rest, _ := strings.Cut(lines.Text(), " ")
		mode, document, _ := strings.Cut(rest, " ")
		t, err := protoregistry.GlobalTypes.FindMessageByName(protoreflect.FullName("kinds." + name))
		if err != nil {
			panic(err)
		}
		m := t.New().Interface().(wirejson.Message)
		if err := wirejson.Unmarshal([]byte(document), m, wirejson.Options{Lenient: mode == "lenient"}); err != nil {
			fmt.Println("error:", err)
			continue
		}
		if err := wirejson.Check(m); err != nil && mode == "strict" {
			fmt.Println("check:", err)
			continue
		}
		fmt.Printf("%s\n", wirejson.Marshal(m))
	}
}
