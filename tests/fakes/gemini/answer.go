package gemini

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"strings"

	"google.golang.org/genai"

	"github.com/sluice-ai/sluice/tests/fakes"
)

// answer is on its way to a caller.
type answer struct {
	fakes.Answer

	asked    *asked
	question fakes.Question
	model    string
}

func (a *answer) finish() genai.FinishReason {
	if a.Native != "" {
		return genai.FinishReason(a.Native)
	}
	if a.End == fakes.EndLength {
		return genai.FinishReasonMaxTokens
	}
	return genai.FinishReasonStop
}

func (a *answer) usage() *genai.GenerateContentResponseUsageMetadata {
	u := a.Usage
	return &genai.GenerateContentResponseUsageMetadata{
		PromptTokenCount: int32(u.Input()), CachedContentTokenCount: int32(u.Cached), CandidatesTokenCount: int32(u.Visible),
		ThoughtsTokenCount: int32(u.Thought), TotalTokenCount: int32(u.Input() + u.Output()),
		PromptTokensDetails: []*genai.ModalityTokenCount{{Modality: genai.MediaModalityText, TokenCount: int32(u.Input())}},
	}
}

// response wraps candidates by the SDK's own type.
func (a *answer) response(candidates ...*genai.Candidate) json.RawMessage {
	r := &genai.GenerateContentResponse{Candidates: candidates, ModelVersion: a.model, ResponseID: "resp-5x7", UsageMetadata: a.usage()}
	// What a prompt is blocked for is told beside the candidates.
	if reason, ok := strings.CutPrefix(a.Native, "BLOCKED_"); ok {
		r.Candidates = nil
		r.PromptFeedback = &genai.GenerateContentResponsePromptFeedback{BlockReason: genai.BlockedReason(reason)}
	}
	encoded := encode(r)
	// The SDK's type writes the time of its zero value, which the API leaves out.
	var members map[string]json.RawMessage
	if json.Unmarshal(encoded, &members) == nil {
		delete(members, "createTime")
		encoded = encode(members)
	}
	return encoded
}

func (a *answer) signature() []byte {
	raw, err := base64.StdEncoding.DecodeString(fakes.Signature)
	if err != nil {
		panic(err) // a constant
	}
	return raw
}

func (a *answer) thought() []*genai.Part {
	if a.Thought == "" {
		return nil
	}
	return []*genai.Part{{Text: a.Thought, Thought: true}}
}

// parts are those behind the thoughts.
func (a *answer) parts() []*genai.Part {
	var parts []*genai.Part
	if modalities := a.asked.GenerationConfig.ResponseModalities; len(modalities) > 0 && modalities[len(modalities)-1] == genai.ModalityAudio {
		return []*genai.Part{{InlineData: &genai.Blob{MIMEType: "audio/L16;codec=pcm;rate=24000", Data: []byte("RIFF")}}}
	}
	if a.Text != "" && !a.withheld() {
		parts = append(parts, &genai.Part{Text: a.Text})
	}
	for i, c := range a.Calls {
		part := &genai.Part{FunctionCall: &genai.FunctionCall{Name: c.Name, Args: arguments(c)}}
		if strings.HasPrefix(a.model, "gemini-3") {
			part.FunctionCall.ID = c.ID
			if i == 0 {
				part.ThoughtSignature = a.signature()
			}
		}
		parts = append(parts, part)
	}
	return parts
}

// withheld tells whether the reason for the end is that nothing may be said.
func (a *answer) withheld() bool {
	return a.Native == "SAFETY" || a.Native == "PROHIBITED_CONTENT" || a.Native == "BLOCKLIST" || a.Native == "SPII"
}

func arguments(c fakes.Call) map[string]any {
	var args map[string]any
	if json.Unmarshal(c.Arguments, &args) != nil {
		return nil
	}
	return args
}

func (a *answer) whole() json.RawMessage {
	var candidates []*genai.Candidate
	for i := range max(a.asked.GenerationConfig.CandidateCount, 1) {
		candidates = append(candidates, &genai.Candidate{
			Content: &genai.Content{Role: "model", Parts: append(a.thought(), a.parts()...)}, FinishReason: a.finish(), Index: i,
		})
	}
	return a.response(candidates...)
}

// stream tells the answer in events. Calls come whole, as the API has them.
func (f *Fake) stream(w http.ResponseWriter, r *http.Request, a answer) {
	if r.URL.Query().Get("alt") != "sse" {
		refuse(w, *invalid("this fake streams with alt=sse only"))
		return
	}
	w.Header().Set("Content-Type", "text/event-stream")
	send := func(data json.RawMessage) {
		_, _ = w.Write([]byte("data: " + string(data) + "\r\n\r\n"))
		_ = http.NewResponseController(w).Flush()
	}
	n := max(a.asked.GenerationConfig.CandidateCount, 1)
	piece := func(p *genai.Part) {
		for i := range n {
			send(a.response(&genai.Candidate{Content: &genai.Content{Role: "model", Parts: []*genai.Part{p}}, Index: i}))
		}
	}
	if a.question.Text == "error in the stream" {
		send(encode(object{"error": object{"code": 503, "message": "The model is overloaded. Please try again later.", "status": "UNAVAILABLE"}}))
		return
	}
	for _, p := range fakes.Pieces(a.Thought) {
		piece(&genai.Part{Text: p, Thought: true})
	}
	for _, p := range a.parts() {
		if p.Text == "" {
			piece(p)
			continue
		}
		for _, text := range fakes.Pieces(p.Text) {
			piece(&genai.Part{Text: text})
		}
	}
	if a.Hangs {
		f.Hang(r)
		return
	}
	for i := range n {
		last := &genai.Candidate{FinishReason: a.finish(), Index: i}
		if !a.withheld() {
			last.Content = &genai.Content{Role: "model", Parts: []*genai.Part{{}}}
			// What a model thought without calling anything is signed in a part of its own.
			if a.Thought != "" && len(a.Calls) == 0 {
				last.Content.Parts[0].ThoughtSignature = a.signature()
			}
		}
		send(withEmptyText(a.response(last)))
	}
}

// withEmptyText gives the empty part of the last event the empty text that the API writes.
func withEmptyText(data json.RawMessage) json.RawMessage {
	text := strings.Replace(string(data), `"parts":[{}]`, `"parts":[{"text":""}]`, 1)
	return json.RawMessage(strings.Replace(text, `"parts":[{"thoughtSignature"`, `"parts":[{"text":"","thoughtSignature"`, 1))
}
