package gemini

import (
	"net/url"
	"path"
	"strings"

	geminipb "github.com/sluice-ai/sluice/gen/go/gemini"
	sluicev1 "github.com/sluice-ai/sluice/gen/go/sluice/v1"

	"github.com/sluice-ai/sluice/adapters/translate"
)

func (r *request) parts(path string, parts *sluicev1.ContentParts) (out []*geminipb.Part) {
	for i, p := range parts.GetParts() {
		if part := r.part(translate.Item(translate.Path(path, "content"), i), p); part != nil {
			out = append(out, part)
		}
	}
	return out
}

// part returns nil for one that is left out, which the ledger knows.
func (r *request) part(path string, p *sluicev1.ContentPart) *geminipb.Part {
	switch p := p.GetPart().(type) {
	case *sluicev1.ContentPart_Text:
		if p.Text.GetText() == "" {
			r.ledger.Dropped(path, nothing)
			return nil
		}
		r.ledger.Renamed("messages[].content[].text", "contents[].parts[].text")
		out := &geminipb.Part{Text: &p.Text.Text}
		r.breakpoint(p.Text.GetPromptCacheBreakpoint())
		r.handOn(path, p.Text, out, p.Text.GetRest())
		return out
	case *sluicev1.ContentPart_ImageUrl:
		return r.image(path, "messages[].content[]", p.ImageUrl)
	case *sluicev1.ContentPart_InputAudio:
		return r.audio(path, p.InputAudio)
	case *sluicev1.ContentPart_File:
		return r.file(path, p.File)
	case *sluicev1.ContentPart_Refusal:
		if p.Refusal.GetRefusal() == "" {
			r.ledger.Dropped(path, nothing)
			return nil
		}
		r.ledger.Coerced("messages[].content[].refusal", "contents[].parts[].text", "a refusal is text there")
		out := &geminipb.Part{Text: &p.Refusal.Refusal}
		r.handOn(path, p.Refusal, out, p.Refusal.GetRest())
		return out
	case *sluicev1.ContentPart_Other:
		if stringMember(p.Other, "type") == "" && isObject(p.Other) {
			// A part without a type is one of Google's own.
			r.ledger.Passed(path)
			return &geminipb.Part{Rest: p.Other}
		}
		if r.ledger.Unsupported(path, "there is no such kind of part") {
			return &geminipb.Part{Rest: p.Other}
		}
	}
	return nil
}

func (r *request) breakpoint(b *sluicev1.PromptCacheBreakpoint) {
	if b != nil {
		r.ledger.Dropped("messages[].content[].prompt_cache_breakpoint", "prefixes are cached without being marked")
	}
}

// image says an image. generic is the path of all its likes.
func (r *request) image(path, generic string, p *sluicev1.ImagePart) *geminipb.Part {
	where := p.GetImageUrl()
	out := r.source(translate.Path(path, "image_url.url"), generic+".image_url.url", where.GetUrl())
	if out == nil {
		r.leftOut(path)
		return nil
	}
	if where != nil && where.Detail != nil {
		r.detail(path, generic, where.GetDetail(), out)
	}
	r.breakpoint(p.GetPromptCacheBreakpoint())
	r.handOn(translate.Path(path, "image_url"), where, out, where.GetRest())
	r.handOn(path, p, out, p.GetRest())
	return out
}

// detail says how closely to look at an image.
//
// Source: Gemini API, "Media resolution", 2026-11: per part since Gemini 3.
func (r *request) detail(path, generic, detail string, out *geminipb.Part) {
	level := map[string]string{"low": "MEDIA_RESOLUTION_LOW", "high": "MEDIA_RESOLUTION_HIGH", "original": "MEDIA_RESOLUTION_ULTRA_HIGH"}[detail]
	member := translate.Path(path, "image_url.detail")
	switch {
	case detail == "auto":
		r.ledger.Dropped(generic+".image_url.detail", "auto is what happens without it")
	case level != "" && r.series >= signedSeries:
		r.ledger.Approximated(generic+".image_url.detail", "contents[].parts[].mediaResolution.level", "the resolutions are Google's own")
		out.MediaResolution = &geminipb.MediaResolution{Level: level}
	case r.ledger.Unsupported(member, "images have a resolution of their own since Gemini 3"):
		out.MediaResolution = &geminipb.MediaResolution{Level: detail}
	}
}

func (r *request) audio(path string, p *sluicev1.AudioPart) *geminipb.Part {
	audio := p.GetInputAudio()
	mimeType := "audio/" + audio.GetFormat()
	r.ledger.Renamed("messages[].content[].input_audio.data", "contents[].parts[].inlineData.data")
	r.ledger.Coerced("messages[].content[].input_audio.format", "contents[].parts[].inlineData.mimeType", "formats are media types")
	data := audio.GetData()
	out := &geminipb.Part{InlineData: &geminipb.Blob{MimeType: &mimeType, Data: &data}}
	r.breakpoint(p.GetPromptCacheBreakpoint())
	r.handOn(translate.Path(path, "input_audio"), audio, out, audio.GetRest())
	r.handOn(path, p, out, p.GetRest())
	return out
}

func (r *request) file(path string, p *sluicev1.FilePart) (out *geminipb.Part) {
	file := p.GetFile()
	switch {
	case file != nil && file.FileData != nil && !strings.HasPrefix(file.GetFileData(), "data:") && !strings.Contains(file.GetFileData(), "://"):
		// Bare base64: the name says the type.
		mimeType := typeOf(file.GetFilename())
		if mimeType == "" {
			mimeType = "application/pdf"
		}
		r.ledger.Coerced("messages[].content[].file.file_data", "contents[].parts[].inlineData.data", "the media type is by the file's name, else PDF")
		out = &geminipb.Part{InlineData: &geminipb.Blob{MimeType: &mimeType, Data: file.FileData}}
	case file != nil && file.FileData != nil:
		out = r.source(translate.Path(path, "file.file_data"), "messages[].content[].file.file_data", file.GetFileData())
	case file != nil && file.FileId != nil:
		out = r.fileByID(translate.Path(path, "file.file_id"), file.GetFileId())
	default:
		if r.ledger.Unsupported(translate.Path(path, "file"), "a file needs its content or its id") {
			out = &geminipb.Part{}
		}
		if file == nil || out == nil {
			return out
		}
	}
	if out == nil {
		r.leftOut(path)
		return nil
	}
	if file.FileData != nil && file.FileId != nil {
		r.ledger.Dropped("messages[].content[].file.file_id", "file_data says it")
	}
	if file.Filename != nil {
		r.ledger.Dropped("messages[].content[].file.filename", "data in a conversation has no name there")
	}
	r.breakpoint(p.GetPromptCacheBreakpoint())
	r.handOn(translate.Path(path, "file"), file, out, file.GetRest())
	r.handOn(path, p, out, p.GetRest())
	return out
}

// leftOut notes that a part went with the member that could not be said.
func (r *request) leftOut(path string) {
	if r.drops {
		r.ledger.Dropped(path, "there is nothing of it without what was dropped")
	}
}

func (r *request) fileByID(member, id string) *geminipb.Part {
	uri, ok := id, isRemote(id)
	if !ok {
		uri, ok = r.site.file(id)
	}
	if !ok && !r.ledger.Unsupported(member, "files are known by an address there, or by files/... of the Gemini API") {
		return nil
	}
	if !ok {
		uri = id
	}
	r.ledger.Coerced("messages[].content[].file.file_id", "contents[].parts[].fileData.fileUri", "files are known by their address")
	return &geminipb.Part{FileData: fileData(uri)}
}

// source makes a part of a data URL or of an address that Google fetches itself.
//
// Sources: Gemini API, "File input methods", external URLs and Cloud Storage; Vertex AI,
// "Inference", fileData.fileUri; 2026-11.
func (r *request) source(member, generic, address string) *geminipb.Part {
	if mimeType, data, inline := translate.DataURL(address); inline {
		r.ledger.Coerced(generic, "contents[].parts[].inlineData", "a data URL is its type and its base64")
		return &geminipb.Part{InlineData: &geminipb.Blob{MimeType: &mimeType, Data: &data}}
	}
	if strings.HasPrefix(address, "data:") {
		if r.ledger.Unsupported(member, "it is no data URL that can be read") {
			return &geminipb.Part{FileData: &geminipb.FileData{FileUri: &address}}
		}
		return nil
	}
	if isRemote(address) {
		r.ledger.Coerced(generic, "contents[].parts[].fileData.fileUri", "an address stands beside its type, which is by its ending")
		return &geminipb.Part{FileData: fileData(address)}
	}
	if r.ledger.Unsupported(member, "addresses are https://, gs:// or data URLs") {
		return &geminipb.Part{FileData: &geminipb.FileData{FileUri: &address}}
	}
	return nil
}

// isRemote tells whether Google fetches an address.
func isRemote(address string) bool {
	return strings.HasPrefix(address, "https://") || strings.HasPrefix(address, "gs://")
}

func fileData(uri string) *geminipb.FileData {
	out := &geminipb.FileData{FileUri: &uri}
	name := uri
	if parsed, err := url.Parse(uri); err == nil {
		name = parsed.Path
	}
	if mimeType := typeOf(name); mimeType != "" {
		out.MimeType = &mimeType
	}
	return out
}

// typeByEnding are the media types that Gemini models read. A table of our own, because
// that of the system differs from one machine to the next.
//
// Source: Vertex AI, "Inference", fileData.mimeType, 2026-11.
var typeByEnding = map[string]string{
	".png": "image/png", ".jpg": "image/jpeg", ".jpeg": "image/jpeg", ".webp": "image/webp", ".heic": "image/heic", ".heif": "image/heif", ".gif": "image/gif",
	".pdf": "application/pdf", ".txt": "text/plain", ".md": "text/markdown", ".html": "text/html", ".csv": "text/csv", ".json": "application/json", ".xml": "text/xml",
	".mp3": "audio/mp3", ".wav": "audio/wav", ".flac": "audio/flac", ".ogg": "audio/ogg", ".aac": "audio/aac", ".m4a": "audio/m4a", ".aiff": "audio/aiff",
	".mp4": "video/mp4", ".mpeg": "video/mpeg", ".mov": "video/mov", ".avi": "video/avi", ".webm": "video/webm", ".wmv": "video/wmv", ".flv": "video/x-flv", ".3gp": "video/3gpp",
}

func typeOf(name string) string { return typeByEnding[strings.ToLower(path.Ext(name))] }
