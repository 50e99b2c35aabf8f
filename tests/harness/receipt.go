package harness

import (
	"encoding/json"
	"io"
	"strings"
	"sync"
	"testing"
	"time"
)

// patience bounds every wait for something that happens at once unless it is broken.
const patience = 20 * time.Second

// Receipt is the log line of a call.
type Receipt struct {
	ID            string    `json:"id"`
	Door          string    `json:"door"`
	Operation     string    `json:"gen_ai.operation.name"`
	Status        int       `json:"status"`
	Stream        bool      `json:"stream"`
	RequestModel  string    `json:"gen_ai.request.model"`
	Route         string    `json:"route"`
	Provider      string    `json:"gen_ai.provider.name"`
	ProviderModel string    `json:"provider_model"`
	ResponseModel string    `json:"gen_ai.response.model"`
	Input         int64     `json:"gen_ai.usage.input_tokens"`
	CachedInput   int64     `json:"gen_ai.usage.cache_read.input_tokens"`
	Output        int64     `json:"gen_ai.usage.output_tokens"`
	Estimated     bool      `json:"tokens_estimated"`
	Finish        []string  `json:"gen_ai.response.finish_reasons"`
	Attempts      []Attempt `json:"attempts"`
	Reason        string    `json:"error.type"`
	Level         string    `json:"level"`
	// BudgetSpent says that a further attempt was not made for want of a budget.
	BudgetSpent bool `json:"retry_budget_spent"`
}

// Attempt is one call to a provider.
type Attempt struct {
	Provider string `json:"provider"`
	Model    string `json:"model"`
	Outcome  string `json:"outcome"`
	Status   int    `json:"status"`
	// Key is the name of the provider's key, empty when there was no choice.
	Key string `json:"key"`
	// Hedge says that it ran beside another one.
	Hedge bool `json:"hedge"`
}

// callLog is what the server logs to: it keeps everything and picks out the calls.
type callLog struct {
	calls chan Receipt

	mu  sync.Mutex
	all strings.Builder // guarded by mu
}

func newCallLog() *callLog { return &callLog{calls: make(chan Receipt, 1<<16)} }

var _ io.Writer = (*callLog)(nil)

// Write takes one line: slog's handlers write each record at once.
func (l *callLog) Write(line []byte) (int, error) {
	l.mu.Lock()
	l.all.Write(line)
	l.mu.Unlock()
	var head struct {
		Message string `json:"msg"`
	}
	if json.Unmarshal(line, &head) == nil && head.Message == "call" {
		var r Receipt
		if err := json.Unmarshal(line, &r); err != nil {
			return 0, err
		}
		l.calls <- r
	}
	return len(line), nil
}

// Receipt waits for the receipt of the next call.
func (s *Server) Receipt(t testing.TB) Receipt {
	t.Helper()
	select {
	case r := <-s.log.calls:
		return r
	case <-time.After(patience):
		t.Fatal("no receipt of the call")
		return Receipt{}
	}
}

// Log returns everything that the server logged so far.
func (s *Server) Log() string {
	if s.written != nil {
		return s.written()
	}
	s.log.mu.Lock()
	defer s.log.mu.Unlock()
	return s.log.all.String()
}
