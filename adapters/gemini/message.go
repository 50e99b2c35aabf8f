package gemini

import (
	"cmp"
	"encoding/json"
	"slices"

	geminipb "github.com/sluice-ai/sluice/gen/go/gemini"
	sluicev1 "github.com/sluice-ai/sluice/gen/go/sluice/v1"
	"github.com/sluice-ai/sluice/proto/wirejson"

	"github.com/sluice-ai/sluice/adapters/translate"
)

const (
	roleUser  = "user"
	roleModel = "model"

	// madePrefix begins the ids that Sluice makes for calls that came without one. They do
	// not go back: the model knows these calls by their names and their order.
	madePrefix = "call_gemini_"

	// skipSignature is what Google documents for calls that a Gemini 3 model did not make
	// itself, or whose signature got lost.
	//
	// Source: Gemini API, "Thought signatures", 2026-11.
	skipSignature = "skip_thought_signature_validator"
	// signedSeries is the first that refuses calls without a signature, takes media inside
	// of results and has a resolution per part.
	signedSeries = 3
)

// madeCall is a call of an earlier turn, by its id.
type madeCall struct {
	name  string
	place int
}

// conversation fills the contents and the instruction.
func (r *request) conversation(messages []*sluicev1.ChatMessage) {
	r.calls = map[string]madeCall{}
	current := 0 // where the turn begins that has no answer yet
	for i, m := range messages {
		if m.GetUser() != nil {
			current = i
		}
	}
	instruction := &geminipb.Content{}
	var results *geminipb.Content
	var places []int
	for i, m := range messages {
		path := translate.Item("messages", i)
		switch m := m.GetMessage().(type) {
		case *sluicev1.ChatMessage_Tool:
			if results == nil {
				results, places = r.turn(roleUser), nil
			}
			place, parts := r.result(path, m.Tool)
			results.Parts, places = insertByPlace(results.Parts, places, parts, place)
			continue
		case *sluicev1.ChatMessage_Function:
			if results == nil {
				results, places = r.turn(roleUser), nil
			}
			part := r.functionResult(path, m.Function)
			results.Parts, places = insertByPlace(results.Parts, places, []*geminipb.Part{part}, r.calls[nameID(m.Function.GetName())].place)
			continue
		case *sluicev1.ChatMessage_System:
			instruction.Parts = append(instruction.Parts, r.instruction(path, m.System.GetText(), m.System.GetParts())...)
			r.unnamed(path, m.System.Name, instruction)
			r.handOn(path, m.System, instruction, m.System.GetRest())
		case *sluicev1.ChatMessage_Developer:
			instruction.Parts = append(instruction.Parts, r.instruction(path, m.Developer.GetText(), m.Developer.GetParts())...)
			r.unnamed(path, m.Developer.Name, instruction)
			r.handOn(path, m.Developer, instruction, m.Developer.GetRest())
		case *sluicev1.ChatMessage_User:
			r.user(path, m.User, i+1 == len(messages))
		case *sluicev1.ChatMessage_Assistant:
			r.assistant(path, m.Assistant, i > current)
		case *sluicev1.ChatMessage_Other:
			if r.ledger.Unsupported(path, "its turns are the user's and the model's") {
				r.out.Contents = append(r.out.Contents, &geminipb.Content{Rest: m.Other})
			}
		}
		results = nil
	}
	switch {
	case len(instruction.GetParts()) == 0 && len(instruction.GetRest()) == 0:
	case len(r.out.Contents) == 0:
		r.ledger.Approximated("messages[]", "contents[]", "an instruction alone is no conversation there: it is said by the user")
		role := roleUser
		instruction.Role = &role
		r.out.Contents = append(r.out.Contents, instruction)
	default:
		r.out.SystemInstruction = instruction
	}
}

// insertByPlace keeps results in the order of their calls, by which those without an id
// are told apart.
func insertByPlace(all []*geminipb.Part, places []int, parts []*geminipb.Part, place int) ([]*geminipb.Part, []int) {
	at := len(all)
	for at > 0 && places[at-1] > place {
		at--
	}
	for range parts {
		places = slices.Insert(places, at, place)
	}
	return slices.Insert(all, at, parts...), places
}

// turn appends a content.
func (r *request) turn(role string) *geminipb.Content {
	c := &geminipb.Content{Role: &role}
	r.out.Contents = append(r.out.Contents, c)
	return c
}

func (r *request) moved(late bool) {
	if late {
		r.ledger.Approximated("messages[]", "systemInstruction", "there is one instruction for the whole conversation: those inside of it are added to it")
	} else {
		r.ledger.Renamed("messages[].content", "systemInstruction.parts[].text")
	}
	r.ledger.Coerced("messages[].role", "systemInstruction", "system and developer turns are the instruction")
}

func (r *request) instruction(path, text string, parts *sluicev1.ContentParts) []*geminipb.Part {
	out := r.content(path, text, parts)
	if len(out) > 0 {
		r.moved(len(r.out.Contents) > 0)
	}
	return out
}

// nothing is why an empty text is left out. Source: the API's own words, "it has an empty
// text parameter" and "contents.parts must not be empty", as users quote them, 2026-11.
const nothing = "what is empty is refused there"

// content says a text or parts.
func (r *request) content(path, text string, parts *sluicev1.ContentParts) []*geminipb.Part {
	if parts != nil {
		return r.parts(path, parts)
	}
	if text == "" {
		r.ledger.Dropped(translate.Path(path, "content"), nothing)
		return nil
	}
	return []*geminipb.Part{{Text: &text}}
}

// unnamed is about the name of a participant.
func (r *request) unnamed(path string, name *string, turn *geminipb.Content) {
	if name == nil {
		return
	}
	member := translate.Path(path, "name")
	if _, taken := wirejson.Get(turn.GetRest(), "name"); taken {
		r.cannot(member, "another turn has its name there")
	} else if r.ledger.Unsupported(member, "its turns have no names") {
		turn.Rest = wirejson.Set(turn.Rest, "name", wirejson.AppendString(nil, *name))
	}
}

func (r *request) user(path string, m *sluicev1.UserMessage, last bool) {
	parts := r.content(path, m.GetText(), m.GetParts())
	if len(parts) == 0 && !last {
		// Were it the last, there would be nothing to answer: that is Google's to say.
		r.ledger.Dropped(path, nothing)
		return
	}
	turn := r.turn(roleUser)
	turn.Parts = parts
	r.ledger.Renamed("messages[].content", "contents[].parts[].text")
	r.unnamed(path, m.Name, turn)
	r.handOn(path, m, turn, m.GetRest())
}

// assistant gives an answer of the model back, its signatures in their places. current says
// that it belongs to the turn which is not answered yet.
func (r *request) assistant(path string, m *sluicev1.AssistantMessage, current bool) {
	turn := r.turn(roleModel)
	rest := m.GetRest()
	thoughts := r.thoughts(path, m)
	turn.Parts = thoughts.parts
	if extra, others, ok := wirejson.Take(rest, "extra_content"); ok && isObject(extra) {
		rest = others
		google := r.google("messages[].extra_content", extra)
		if google.signature != "" {
			r.ledger.Renamed("messages[].extra_content.google.thought_signature", "contents[].parts[].thoughtSignature")
			thoughts.signature = google.signature
		}
		turn.Parts = append(turn.Parts, google.parts...)
	}
	said := len(turn.Parts)
	if m.GetContent() != nil {
		r.ledger.Renamed("messages[].content", "contents[].parts[].text")
		turn.Parts = append(turn.Parts, r.content(path, m.GetText(), m.GetParts())...)
	}
	if m.GetRefusal() != "" {
		r.ledger.Coerced("messages[].refusal", "contents[].parts[].text", "a refusal is text there")
		turn.Parts = append(turn.Parts, &geminipb.Part{Text: m.Refusal})
	}
	if thoughts.signature != "" {
		if len(turn.Parts) == said {
			empty := "" // which Google takes beside a signature
			turn.Parts = append(turn.Parts, &geminipb.Part{Text: &empty})
		}
		turn.Parts[len(turn.Parts)-1].ThoughtSignature = &thoughts.signature
	}
	if images, others, ok := wirejson.Take(rest, "images"); ok {
		rest = others
		turn.Parts = append(turn.Parts, r.images(path, images)...)
	}
	if m.GetAudio() != nil && r.ledger.Unsupported(translate.Path(path, "audio"), "earlier spoken answers cannot be referred to") {
		turn.Rest = wirejson.Set(turn.Rest, "audio", wirejson.Marshal(m.GetAudio()))
	}
	turn.Parts = append(turn.Parts, r.toolCalls(path, m, current)...)
	if len(turn.GetParts()) == 0 {
		r.ledger.Dropped(path, nothing)
		r.out.Contents = r.out.Contents[:len(r.out.GetContents())-1]
		return
	}
	r.ledger.Coerced("messages[].role", "contents[].role", "the assistant is called the model")
	r.unnamed(path, m.Name, turn)
	r.handOn(path, m, turn, rest)
}

// formatGoogle marks the reasoning details that are Gemini's, as OpenRouter names it.
const formatGoogle = "google-gemini-v1"

type thoughts struct {
	parts []*geminipb.Part
	// signature is that of the text.
	signature string
}

func (r *request) thoughts(path string, m *sluicev1.AssistantMessage) (out thoughts) {
	if m.ReasoningContent != nil {
		r.ledger.Dropped("messages[].reasoning_content", "the model takes its own thoughts only, from reasoning_details")
	}
	for i, raw := range m.GetReasoningDetails() {
		if stringMember(raw, "format") != formatGoogle {
			r.ledger.Dropped(translate.Item(translate.Path(path, "reasoning_details"), i), "it is another model's: only "+formatGoogle+" goes back")
			continue
		}
		r.ledger.Coerced("messages[].reasoning_details[]", "contents[].parts[]", "thoughts and signatures are members of parts")
		signature := stringMember(raw, "signature")
		switch stringMember(raw, "type") {
		case "reasoning.text":
			text, thought := stringMember(raw, "text"), true
			part := &geminipb.Part{Text: &text, Thought: &thought}
			if signature != "" {
				part.ThoughtSignature = &signature
			}
			out.parts = append(out.parts, part)
		case "reasoning.encrypted":
			out.signature = cmp.Or(stringMember(raw, "data"), out.signature)
		default:
			r.ledger.Dropped(translate.Item(translate.Path(path, "reasoning_details"), i), "a kind that the Gemini API does not take back")
		}
	}
	return out
}

// googles is what extra_content holds of Google's.
type googles struct {
	signature string
	parts     []*geminipb.Part
}

// google reads an extra_content: a signature, and kinds of parts that the contract has no
// place for, see teller.listen.
func (r *request) google(path string, extra []byte) (out googles) {
	for name, value := range wirejson.All(extra) {
		if name != "google" || !isObject(value) {
			r.ledger.Dropped(translate.Path(path, name), "it is another provider's")
			continue
		}
		for name, value := range wirejson.All(value) {
			var list []json.RawMessage
			switch {
			case name == "thought_signature" && json.Unmarshal(value, &out.signature) == nil:
			case name == "parts" && json.Unmarshal(value, &list) == nil:
				r.ledger.Renamed(translate.Path(path, "google.parts[]"), "contents[].parts[]")
				for _, p := range list {
					if isObject(p) {
						out.parts = append(out.parts, &geminipb.Part{Rest: p})
					}
				}
			default:
				r.ledger.Dropped(translate.Path(path, "google."+name), "it is nothing that goes back to the model")
			}
		}
	}
	return out
}

// images gives generated images back, which stand beside the content as OpenRouter has it.
func (r *request) images(path string, raw []byte) (out []*geminipb.Part) {
	var list []json.RawMessage
	if json.Unmarshal(raw, &list) != nil {
		r.ledger.Dropped("messages[].images", "it is no list of images")
		return nil
	}
	for i, item := range list {
		at := translate.Item(translate.Path(path, "images"), i)
		image := new(sluicev1.ImagePart)
		if wirejson.Unmarshal(item, image, lenient) != nil || image.GetImageUrl() == nil {
			r.ledger.Dropped(at, "it is no image")
			continue
		}
		extra, others, _ := wirejson.Take(image.GetRest(), "extra_content")
		_, others, _ = wirejson.Take(others, "index")
		image.Rest = others
		part := r.image(at, "messages[].images[]", image)
		if part == nil {
			continue
		}
		if google := r.google("messages[].images[].extra_content", extra); google.signature != "" {
			part.ThoughtSignature = &google.signature
		}
		out = append(out, part)
	}
	return out
}

// stringMember reads a string out of a JSON object, and "" when there is none.
func stringMember(object []byte, name string) string {
	if !isObject(object) {
		return ""
	}
	value, ok := wirejson.Get(object, name)
	if !ok || len(value) == 0 || value[0] != '"' {
		return ""
	}
	var s string
	if json.Unmarshal(value, &s) != nil {
		return ""
	}
	return s
}
