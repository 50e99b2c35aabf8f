package anthropic

import (
	"encoding/base64"
	"encoding/json"
	"strings"

	anthropicpb "github.com/sluice-ai/sluice/gen/go/anthropic"
	sluicev1 "github.com/sluice-ai/sluice/gen/go/sluice/v1"
	"github.com/sluice-ai/sluice/proto/wirejson"

	"github.com/sluice-ai/sluice/adapters/translate"
)

func textBlock(text string) *anthropicpb.Block {
	return &anthropicpb.Block{Block: &anthropicpb.Block_Text{Text: &anthropicpb.TextBlock{Text: text}}}
}

// ownBlocks are the dialect's blocks that a caller may put among parts.
//
// Source: ContentBlockParamUnion of the official Go SDK v1.84.0.
var ownBlocks = map[string]bool{
	"image": true, "document": true, "search_result": true, "thinking": true, "redacted_thinking": true, "tool_use": true, "tool_result": true,
	"server_tool_use": true, "web_search_tool_result": true, "web_fetch_tool_result": true, "code_execution_tool_result": true,
	"bash_code_execution_tool_result": true, "text_editor_code_execution_tool_result": true, "tool_search_tool_result": true,
	"container_upload": true, "browser_state": true, "mcp_tool_use": true, "mcp_tool_result": true, "compaction": true,
}

// noWords is why a text is left out. Source: the API's own words, "text content blocks must
// contain non-whitespace text", as users quote them, 2026-11.
const noWords = "the dialect refuses a text of nothing but white space"

func blank(text string) bool { return strings.TrimSpace(text) == "" }

// parts says a content in blocks, none when it says nothing. path is its message's.
func (t *translation) parts(path, text string, list *sluicev1.ContentParts) []*anthropicpb.Block {
	if list == nil {
		if blank(text) {
			t.ledger.Dropped(path+".content", noWords)
			return nil
		}
		return []*anthropicpb.Block{textBlock(text)}
	}
	var out []*anthropicpb.Block
	for i, part := range list.GetParts() {
		at := translate.Item(path+".content", i)
		switch p := part.GetPart().(type) {
		case *sluicev1.ContentPart_Text:
			if blank(p.Text.GetText()) {
				t.ledger.Dropped(at, noWords)
				continue
			}
			out = append(out, t.textPart(p.Text))
		case *sluicev1.ContentPart_Refusal:
			if blank(p.Refusal.GetRefusal()) {
				t.ledger.Dropped(at, noWords)
				continue
			}
			t.ledger.Approximated("messages[].content[].refusal", "messages[].content[].text", "a refusal is a text")
			block := textBlock(p.Refusal.GetRefusal())
			t.nestedLeftover("messages[].content[]", p.Refusal.GetRest(), &block.GetText().Rest)
			out = append(out, block)
		case *sluicev1.ContentPart_ImageUrl:
			out = append(out, t.imagePart(at, p.ImageUrl))
		case *sluicev1.ContentPart_File:
			if block := t.filePart(at, p.File); block != nil {
				out = append(out, block)
			}
		case *sluicev1.ContentPart_InputAudio:
			if t.ledger.Unsupported(at, "it hears no audio") {
				out = append(out, otherBlock(p.InputAudio.AppendWireJSON(nil)))
			}
		case *sluicev1.ContentPart_Other:
			var typed struct {
				Type string `json:"type"`
			}
			if json.Unmarshal(p.Other, &typed) == nil && ownBlocks[typed.Type] {
				t.ledger.Passed(at)
				out = append(out, otherBlock(p.Other))
			} else if t.ledger.Unsupported(at, "there is no such type of part") {
				out = append(out, otherBlock(p.Other))
			}
		}
	}
	return out
}

func otherBlock(raw []byte) *anthropicpb.Block {
	return &anthropicpb.Block{Block: &anthropicpb.Block_Other{Other: raw}}
}

func (t *translation) textPart(p *sluicev1.TextPart) *anthropicpb.Block {
	const path = "messages[].content[]"
	block := textBlock(p.GetText())
	out := block.GetText()
	var rest []byte
	out.CacheControl, rest = t.cacheControl(path, p.GetPromptCacheBreakpoint(), members(p.GetRest()))
	// Citations of an earlier answer are the dialect's own.
	if value, remaining, ok := wirejson.Take(rest, "citations"); ok {
		var list []json.RawMessage
		if json.Unmarshal(value, &list) == nil {
			for _, c := range list {
				out.Citations = append(out.Citations, c)
			}
			rest = remaining
		}
	}
	t.nestedLeftover(path, rest, &out.Rest)
	return block
}

func (t *translation) imagePart(at string, p *sluicev1.ImagePart) *anthropicpb.Block {
	const path, to = "messages[].content[].image_url", "messages[].content[].source"
	image := p.GetImageUrl()
	out := &anthropicpb.ImageBlock{}
	if media, data, inline := translate.DataURL(image.GetUrl()); inline {
		out.Source = &anthropicpb.Source{Type: "base64", MediaType: &media, Data: &data}
		t.ledger.Coerced(path+".url", to, "a data URL in its parts")
	} else {
		address := image.GetUrl()
		out.Source = &anthropicpb.Source{Type: "url", Url: &address}
		t.ledger.Renamed(path+".url", to+".url")
	}
	t.ledger.Coerced("messages[].content[].type", "messages[].content[].type", "image_url is image")
	switch detail := image.GetDetail(); {
	case image == nil || image.Detail == nil:
	case detail == "auto":
		t.ledger.Dropped(path+".detail", "auto is the default")
	case t.ledger.Unsupported(at+".image_url.detail", "how closely to look is the provider's choice"):
		out.Rest = wirejson.Set(out.Rest, "detail", wirejson.AppendString(nil, detail))
	}
	var rest []byte
	out.CacheControl, rest = t.cacheControl("messages[].content[]", p.GetPromptCacheBreakpoint(), members(p.GetRest()))
	t.nestedLeftover("messages[].content[]", rest, &out.Rest)
	t.nestedLeftover(path, image.GetRest(), &out.Source.Rest)
	return &anthropicpb.Block{Block: &anthropicpb.Block_Image{Image: out}}
}

// filePart says a file as a document, or an image as one. Nil: it cannot be said.
func (t *translation) filePart(at string, p *sluicev1.FilePart) *anthropicpb.Block {
	const path, to = "messages[].content[].file", "messages[].content[].source"
	file := p.GetFile()
	source, isImage := &anthropicpb.Source{}, false
	switch media, data, inline := translate.DataURL(file.GetFileData()); {
	case file.GetFileId() != "":
		id := file.GetFileId()
		source.Type, source.FileId = "file", &id
		t.ledger.Renamed(path+".file_id", to+".file_id")
		if file.FileData != nil {
			t.ledger.Dropped(path+".file_data", "file_id stands for it")
		}
	case !inline && strings.HasPrefix(file.GetFileData(), "JVBERi0"): // "%PDF-" without a data URL around it
		pdf, content := "application/pdf", file.GetFileData()
		source.Type, source.MediaType, source.Data = "base64", &pdf, &content
		t.ledger.Coerced(path+".file_data", to, "a PDF by its first bytes")
	case inline && media == "application/pdf":
		source.Type, source.MediaType, source.Data = "base64", &media, &data
		t.ledger.Coerced(path+".file_data", to, "a data URL in its parts")
	case inline && strings.HasPrefix(media, "image/"):
		source.Type, source.MediaType, source.Data = "base64", &media, &data
		isImage = true
		t.ledger.Coerced(path+".file_data", to, "a data URL in its parts")
	case inline && strings.HasPrefix(media, "text/"):
		text, err := base64.StdEncoding.DecodeString(data)
		if err == nil {
			kind, content := "text/plain", strings.ToValidUTF8(string(text), "\uFFFD")
			source.Type, source.MediaType, source.Data = "text", &kind, &content
			t.ledger.Coerced(path+".file_data", to, "a text out of its data URL")
			break
		}
		fallthrough
	default:
		if t.ledger.Unsupported(at+".file", "its documents are PDFs and texts") {
			return otherBlock(p.AppendWireJSON(nil))
		}
		return nil
	}
	control, rest := t.cacheControl("messages[].content[]", p.GetPromptCacheBreakpoint(), members(p.GetRest()))
	t.ledger.Coerced("messages[].content[].type", "messages[].content[].type", "file is document, or image")
	if isImage {
		out := &anthropicpb.ImageBlock{Source: source, CacheControl: control}
		if file.Filename != nil {
			t.ledger.Dropped(path+".filename", "images have no titles")
		}
		t.nestedLeftover("messages[].content[]", rest, &out.Rest)
		t.nestedLeftover(path, file.GetRest(), &source.Rest)
		return &anthropicpb.Block{Block: &anthropicpb.Block_Image{Image: out}}
	}
	out := &anthropicpb.DocumentBlock{Source: source, CacheControl: control}
	if title, remaining, ok := wirejson.Take(rest, "title"); ok && json.Unmarshal(title, &out.Title) == nil {
		rest = remaining
	}
	if file.Filename != nil && out.Title == nil {
		out.Title = file.Filename
		t.ledger.Renamed(path+".filename", "messages[].content[].title")
	} else if file.Filename != nil {
		t.ledger.Dropped(path+".filename", "title says it")
	}
	t.nestedLeftover("messages[].content[]", rest, &out.Rest)
	t.nestedLeftover(path, file.GetRest(), &source.Rest)
	return &anthropicpb.Block{Block: &anthropicpb.Block_Document{Document: out}}
}
