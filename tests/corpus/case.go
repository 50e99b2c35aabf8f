// Package corpus holds cases that run through every door: the same request, the same
// upstream, and then the same answer, the same reason and the same receipt. Cases are
// data, in cases/*.yaml; this file is their format.
package corpus

import (
	"bytes"
	"embed"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"slices"

	"go.yaml.in/yaml/v3"

	"github.com/sluice-ai/sluice/tests/harness"
)

// Kind is what a case calls.
type Kind string

// The kinds.
const (
	KindChat       Kind = "chat"
	KindStream     Kind = "stream"
	KindEmbeddings Kind = "embeddings"
	KindModels     Kind = "models"
	KindModel      Kind = "model"
)

// Case is one call and all that must come of it.
type Case struct {
	Name string `yaml:"name"`
	// Source says whose word the expectation is, when it is not this project's.
	Source string `yaml:"source"`
	// Call is "chat" when empty.
	Call Kind `yaml:"call"`
	// Config stands in for the standard configuration. {{.Main}}, {{.Backup}} and
	// {{.Dead}} are base URLs.
	Config string `yaml:"config"`
	// Request is the body by OpenAI's API, without "stream".
	Request string `yaml:"request"`
	// Model is what a call of a model asks for.
	Model string `yaml:"model"`
	// Apart gives every door a server of its own: what the upstream answers changes how
	// the next call goes, as when a key is benched.
	Apart bool `yaml:"apart"`
	// Headers go with the call.
	Headers map[string]string `yaml:"headers"`
	// Upstream answers, call by call; Backup is the second upstream. Empty: a short
	// text.
	Upstream []Script `yaml:"upstream"`
	Backup   []Script `yaml:"backup"`
	Expect   Expect   `yaml:"expect"`
}

// Script is one recorded answer.
type Script struct {
	Status  int               `yaml:"status"`
	Headers map[string]string `yaml:"headers"`
	// Body is JSON unless the headers say otherwise.
	Body string `yaml:"body"`
	// Events are the data of server-sent events; [DONE] follows unless NoDone.
	Events []string `yaml:"events"`
	NoDone bool     `yaml:"no_done"`
	// Raw is a body of events byte for byte.
	Raw string `yaml:"raw"`
	// End is "", "cut" or "hang".
	End string `yaml:"end"`
	// Silent sends nothing before the end.
	Silent bool `yaml:"silent"`
}

// Expect is what must come out. What is not named is checked by rule: the answer is
// the upstream's, the body that the upstream got is the caller's.
type Expect struct {
	// Answer is the body of the REST door, when it is not the upstream's.
	Answer string `yaml:"answer"`
	// Events are those of the REST door, when they are not the upstream's.
	Events []string `yaml:"events"`
	// Any leaves the answer to the other expectations.
	Any bool `yaml:"any"`

	Content   []string `yaml:"content"`
	Refusal   string   `yaml:"refusal"`
	ToolCalls []Tool   `yaml:"tool_calls"`
	Finish    []string `yaml:"finish"`
	Usage     *Usage   `yaml:"usage"`
	// Vectors is the number of embeddings, Models are the ids of a list.
	Vectors int      `yaml:"vectors"`
	Models  []string `yaml:"models"`

	Error *Failure `yaml:"error"`
	// Headers must be there with these values, through every door.
	Headers map[string]string `yaml:"headers"`

	// Sent is the body that the upstream gets, when it is not the caller's. SentModel
	// changes only its model.
	Sent      string `yaml:"sent"`
	SentModel string `yaml:"sent_model"`
	SentPath  string `yaml:"sent_path"`
	// Calls is how often the upstreams are called in all: nil means once.
	Calls *int `yaml:"calls"`

	Receipt Receipt `yaml:"receipt"`
}

// Tool is a tool call of an answer, put together when it was streamed. The id "*" is
// any.
type Tool struct {
	ID        string `yaml:"id"`
	Name      string `yaml:"name"`
	Arguments string `yaml:"arguments"`
	Custom    bool   `yaml:"custom"`
}

// Usage is the usage of an answer.
type Usage struct {
	Prompt     int64 `yaml:"prompt"`
	Completion int64 `yaml:"completion"`
	Total      int64 `yaml:"total"`
	Cached     int64 `yaml:"cached"`
	Reasoning  int64 `yaml:"reasoning"`
}

// Failure is a failed call.
type Failure struct {
	Reason string `yaml:"reason"`
	Status int    `yaml:"status"`
	// Code is the gRPC code by its name.
	Code string `yaml:"code"`
	// Object is OpenAI's error object. Empty: the upstream's.
	Object string `yaml:"object"`
	// Message must be part of the error's, when Object is not given.
	Message string `yaml:"message"`
	Type    string `yaml:"type"`
	Param   string `yaml:"param"`
	// Chunks is how many chunks come before the error.
	Chunks int `yaml:"chunks"`
	// Attempts are those that the error lists, through doors that carry a detail.
	Attempts []Attempt `yaml:"attempts"`
}

// Attempt is one try at a target.
type Attempt struct {
	Provider string `yaml:"provider"`
	Model    string `yaml:"model"`
	Reason   string `yaml:"reason"`
	Status   int    `yaml:"status"`
}

// Receipt is the account of the call.
type Receipt struct {
	Provider      string `yaml:"provider"`
	ProviderModel string `yaml:"provider_model"`
	ResponseModel string `yaml:"response_model"`
	Route         string `yaml:"route"`
	Input         int64  `yaml:"input"`
	Cached        int64  `yaml:"cached"`
	Output        int64  `yaml:"output"`
	Estimated     bool   `yaml:"estimated"`
	// FromUsage takes the tokens from the answer, where a case does not know them.
	FromUsage bool     `yaml:"from_usage"`
	Finish    []string `yaml:"finish"`
	// Outcomes are those of the attempts, when there was more than one or it failed.
	Outcomes []string `yaml:"outcomes"`
}

//go:embed cases/*.yaml
var files embed.FS

// Load reads all cases. Unknown keys and names that stand twice are errors.
func Load() ([]Case, error) {
	names, err := fs.Glob(files, "cases/*.yaml")
	if err != nil {
		return nil, err
	}
	slices.Sort(names)
	var all []Case
	seen := map[string]string{}
	for _, name := range names {
		data, err := files.ReadFile(name)
		if err != nil {
			return nil, err
		}
		decoder := yaml.NewDecoder(bytes.NewReader(data))
		decoder.KnownFields(true)
		var cases []Case
		if err := decoder.Decode(&cases); err != nil && !errors.Is(err, io.EOF) {
			return nil, fmt.Errorf("%s: %w", path.Base(name), err)
		}
		for _, c := range cases {
			if where, twice := seen[c.Name]; c.Name == "" || twice {
				return nil, fmt.Errorf("%s: the name %q is empty or stands in %s too", name, c.Name, where)
			}
			seen[c.Name] = name
			if c.Call == "" {
				c.Call = KindChat
			}
			all = append(all, c)
		}
	}
	return all, nil
}

// reply makes a script playable.
func (s Script) reply() (harness.Reply, error) {
	var header [][2]string
	for name, value := range s.Headers {
		header = append(header, [2]string{name, value})
	}
	var reply harness.Reply
	switch {
	case s.Silent:
		reply.Silent = true
	case s.Raw != "":
		reply = harness.Bytes(s.Raw, 0)
	case s.Events != nil && s.NoDone:
		reply = harness.EventsWithoutEnd(s.Events...)
	case s.Events != nil:
		reply = harness.Events(s.Events...)
	case s.Headers["Content-Type"] != "":
		reply = harness.Reply{Pieces: [][]byte{[]byte(s.Body)}}
	default:
		reply = harness.JSON(0, s.Body)
	}
	reply.Status, reply.Header = s.Status, append(reply.Header, header...)
	switch s.End {
	case "":
	case "cut":
		reply.End = harness.EndCut
	case "hang":
		reply.End = harness.EndHang
	default:
		return reply, fmt.Errorf("unknown end %q", s.End)
	}
	return reply, nil
}
