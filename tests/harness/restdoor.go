package harness

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"

	"google.golang.org/protobuf/proto"

	sluicev1 "github.com/sluice-ai/sluice/gen/go/sluice/v1"
	"github.com/sluice-ai/sluice/proto/wirejson"
)

type decodable interface {
	DecodeWireJSON(d *wirejson.Decoder) bool
	AppendWireJSON(b []byte) []byte
	CheckWireJSON(c *wirejson.Checker) bool
}

// rest speaks OpenAI's wire as any HTTP client does.
func (s *Server) rest() Door {
	client := &http.Client{Transport: s.transport}
	base := "http://" + s.HTTP + "/v1"
	return Door{
		Name: "rest", Receipt: "rest",
		chat: func(ctx context.Context, c Call) Answer {
			return restUnary(ctx, client, http.MethodPost, base+"/chat/completions", c, &sluicev1.ChatCompletion{})
		},
		stream: func(ctx context.Context, c Call, each func(*sluicev1.ChatCompletionChunk)) Answer {
			return restStream(ctx, client, base+"/chat/completions", c, each)
		},
		embed: func(ctx context.Context, c Call) Answer {
			return restUnary(ctx, client, http.MethodPost, base+"/embeddings", c, &sluicev1.CreateEmbeddingsResponse{})
		},
		list: func(ctx context.Context, c Call) Answer {
			return restUnary(ctx, client, http.MethodGet, base+"/models", c, &sluicev1.ListModelsResponse{})
		},
		get: func(ctx context.Context, c Call) Answer {
			return restUnary(ctx, client, http.MethodGet, base+"/models/"+url.PathEscape(c.Model), c, &sluicev1.Model{})
		},
	}
}

func restRequest(ctx context.Context, method, target string, c Call) (*http.Request, error) {
	var body io.Reader
	if method == http.MethodPost {
		body = bytes.NewReader(c.JSON)
	}
	r, err := http.NewRequestWithContext(ctx, method, target, body)
	if err != nil {
		return nil, err
	}
	if body != nil {
		r.Header.Set("Content-Type", "application/json")
	}
	addHeaders(r.Header, c)
	return r, nil
}

func restUnary[M interface {
	proto.Message
	decodable
}](ctx context.Context, client *http.Client, method, target string, c Call, message M,
) Answer {
	r, err := restRequest(ctx, method, target, c)
	if err != nil {
		return Answer{Err: err}
	}
	response, err := client.Do(r)
	if err != nil {
		return Answer{Err: err}
	}
	defer func() { _ = response.Body.Close() }()
	a := Answer{Header: response.Header}
	if a.Body, err = io.ReadAll(response.Body); err != nil {
		a.Err = err
		return a
	}
	if response.StatusCode != http.StatusOK {
		a.Failure, a.Err = restFailure(response, a.Body)
		return a
	}
	if a.Err = isJSON(response.Header); a.Err != nil {
		return a
	}
	// Providers' oddities pass; a client that is as lenient as the SDKs reads them.
	if a.Err = wirejson.Unmarshal(append([]byte(nil), a.Body...), message, wirejson.Options{Lenient: true}); a.Err == nil {
		a.Message = message
	}
	return a
}

func restStream(ctx context.Context, client *http.Client, target string, c Call, each func(*sluicev1.ChatCompletionChunk)) Answer {
	c.JSON = WithMember(c.JSON, `"stream":true`)
	r, err := restRequest(ctx, http.MethodPost, target, c)
	if err != nil {
		return Answer{Err: err}
	}
	response, err := client.Do(r)
	if err != nil {
		return Answer{Err: err}
	}
	defer func() { _ = response.Body.Close() }()
	a := Answer{Header: response.Header}
	if response.StatusCode != http.StatusOK {
		if a.Body, a.Err = io.ReadAll(response.Body); a.Err == nil {
			a.Failure, a.Err = restFailure(response, a.Body)
		}
		return a
	}
	if mediaType, _, err := mime.ParseMediaType(response.Header.Get("Content-Type")); err != nil || mediaType != "text/event-stream" {
		a.Err = fmt.Errorf("a stream of type %q", response.Header.Get("Content-Type"))
		return a
	}
	var raw bytes.Buffer
	ended := ""
	err = ReadEvents(io.TeeReader(response.Body, &raw), func(e Event) {
		switch {
		case ended != "":
			a.Err = fmt.Errorf("an event behind %s: %s", ended, e.Data)
		case e.Data == "[DONE]":
			ended = "[DONE]"
		default:
			if failure := errorEvent(e.Data); failure != nil {
				a.Failure, ended = failure, "the error"
				return
			}
			chunk := &sluicev1.ChatCompletionChunk{}
			if err := wirejson.Unmarshal([]byte(e.Data), chunk, wirejson.Options{Lenient: true}); err != nil {
				a.Err = err
				return
			}
			a.Chunks = append(a.Chunks, chunk)
			each(chunk)
		}
	})
	a.Body = raw.Bytes()
	switch {
	case a.Err != nil:
	case err != nil:
		a.Err = err
	case ended == "":
		a.Err = errors.New("the stream ended without [DONE] and without an error")
	}
	return a
}

// errorEvent reads an event that ends a broken stream.
func errorEvent(data string) *Failure {
	if _, ok := At([]byte(data), "error"); !ok {
		return nil
	}
	envelope := &sluicev1.ErrorEnvelope{}
	if wirejson.Unmarshal([]byte(data), envelope, wirejson.Options{}) != nil {
		return nil
	}
	return &Failure{Error: envelope.GetError()}
}

func isJSON(h http.Header) error {
	if mediaType, _, err := mime.ParseMediaType(h.Get("Content-Type")); err != nil || mediaType != "application/json" {
		return fmt.Errorf("an answer of type %q", h.Get("Content-Type"))
	}
	return nil
}

func restFailure(response *http.Response, body []byte) (*Failure, error) {
	if err := isJSON(response.Header); err != nil {
		return nil, fmt.Errorf("status %d: %w: %s", response.StatusCode, err, clip(body))
	}
	envelope := &sluicev1.ErrorEnvelope{}
	if err := wirejson.Unmarshal(append([]byte(nil), body...), envelope, wirejson.Options{}); err != nil {
		return nil, err
	}
	if envelope.GetError() == nil {
		return nil, fmt.Errorf("status %d without an error object: %s", response.StatusCode, clip(body))
	}
	return &Failure{
		Reason:    response.Header.Get("X-Sluice-Error-Reason"),
		Status:    response.StatusCode,
		Error:     envelope.GetError(),
		RequestID: response.Header.Get("X-Sluice-Request-Id"),
	}, nil
}
