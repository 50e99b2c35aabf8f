package bedrock

import (
	"path"
	"slices"
	"strconv"
	"strings"

	bedrockpb "github.com/sluice-ai/sluice/gen/go/bedrock"
	sluicev1 "github.com/sluice-ai/sluice/gen/go/sluice/v1"
	"github.com/sluice-ai/sluice/proto/wirejson"

	"github.com/sluice-ai/sluice/adapters/translate"
)

const (
	inContent = "messages[].content[]"
	// cacheControl is the member by which Anthropic's callers set a breakpoint.
	cacheControl = "cache_control"
	// ownBlocks is the member of an answer's message that holds the blocks which OpenAI's
	// contract has no word for.
	ownBlocks = "bedrock_content"
)

// part translates a part of a turn. At is its path.
func (r *request) part(at string, p *sluicev1.ContentPart) []*bedrockpb.ContentBlock {
	var block *bedrockpb.ContentBlock
	var breakpoint *sluicev1.PromptCacheBreakpoint
	var rest []byte
	switch p := p.GetPart().(type) {
	case *sluicev1.ContentPart_Text:
		if r.blank(at, p.Text.GetText()) {
			return nil
		}
		block = &bedrockpb.ContentBlock{Text: &p.Text.Text, Rest: r.leftover(nil, inContent, p.Text, cacheControl)}
		breakpoint, rest = p.Text.GetPromptCacheBreakpoint(), p.Text.GetRest()
	case *sluicev1.ContentPart_ImageUrl:
		block = r.image(at, p.ImageUrl)
		breakpoint, rest = p.ImageUrl.GetPromptCacheBreakpoint(), p.ImageUrl.GetRest()
	case *sluicev1.ContentPart_InputAudio:
		a := orEmpty(p.InputAudio.GetInputAudio())
		r.ledger.Renamed(inContent+".input_audio", inContent+".audio")
		block = &bedrockpb.ContentBlock{
			Audio: &bedrockpb.Media{Format: &a.Format, Source: &bedrockpb.MediaSource{Bytes: &a.Data}, Rest: r.leftover(nil, inContent+".input_audio", a)},
			Rest:  r.leftover(nil, inContent, p.InputAudio, cacheControl),
		}
		breakpoint, rest = p.InputAudio.GetPromptCacheBreakpoint(), p.InputAudio.GetRest()
	case *sluicev1.ContentPart_File:
		block = r.file(at, p.File)
		breakpoint, rest = p.File.GetPromptCacheBreakpoint(), p.File.GetRest()
	case *sluicev1.ContentPart_Refusal:
		if r.blank(at, p.Refusal.GetRefusal()) {
			return nil
		}
		r.ledger.Approximated(inContent+".refusal", inContent+".text", "a text like any other there")
		block = &bedrockpb.ContentBlock{Text: &p.Refusal.Refusal, Rest: r.leftover(nil, inContent, p.Refusal, cacheControl)}
		rest = p.Refusal.GetRest()
	case *sluicev1.ContentPart_Other:
		switch {
		case ownBlock(p.Other):
			block = &bedrockpb.ContentBlock{Rest: withoutType(p.Other)}
		case r.ledger.Unsupported(at, "Converse has no such part"):
			block = &bedrockpb.ContentBlock{Rest: p.Other}
		}
	}
	if block == nil {
		r.ledger.Dropped(at, "nothing of the part is left")
		return nil
	}
	if point := r.cachePoint(inContent, breakpoint, rest); point != nil {
		return []*bedrockpb.ContentBlock{block, {CachePoint: point}}
	}
	return []*bedrockpb.ContentBlock{block}
}

// blockNames are the members of Converse's blocks.
//
// Source: Amazon Bedrock API reference, "ContentBlock" and "SystemContentBlock".
var blockNames = []string{
	"text", "image", "document", "video", "audio", "toolUse", "toolResult", "guardContent", "cachePoint",
	"reasoningContent", "citationsContent", "searchResult", "toolAddition", "toolRemoval",
}

// ownBlock tells a part that the caller wrote in Converse's words: an object whose only
// member, the type that OpenAI's parts have aside, is one of a block.
func ownBlock(raw []byte) bool {
	if len(raw) == 0 || raw[0] != '{' {
		return false
	}
	found := 0
	for name := range wirejson.Names(raw) {
		switch {
		case name == "type":
		case slices.Contains(blockNames, name):
			found++
		default:
			return false
		}
	}
	return found == 1
}

func withoutType(raw []byte) []byte {
	_, rest, _ := wirejson.Take(raw, "type")
	return rest
}

// imageFormats and the rest are what Converse takes, by media type.
//
// Source: Amazon Bedrock API reference, "ImageBlock", "DocumentBlock" and "VideoBlock".
var (
	imageFormats = map[string]string{
		"image/png": "png", "image/jpeg": "jpeg", "image/jpg": "jpeg", "image/gif": "gif", "image/webp": "webp",
	}
	documentFormats = map[string]string{
		"application/pdf": "pdf", "text/csv": "csv", "text/html": "html", "text/plain": "txt", "text/markdown": "md",
		"application/msword": "doc", "application/vnd.ms-excel": "xls",
		"application/vnd.openxmlformats-officedocument.wordprocessingml.document": "docx",
		"application/vnd.openxmlformats-officedocument.spreadsheetml.sheet":       "xlsx",
	}
	videoFormats = map[string]string{
		"video/x-matroska": "mkv", "video/quicktime": "mov", "video/mp4": "mp4", "video/webm": "webm",
		"video/x-flv": "flv", "video/mpeg": "mpeg", "video/x-ms-wmv": "wmv", "video/3gpp": "three_gp",
	}
)

func (r *request) image(at string, p *sluicev1.ImagePart) *bedrockpb.ContentBlock {
	const member, of = inContent + ".image_url", ".image_url"
	image := orEmpty(p.GetImageUrl())
	media := new(bedrockpb.Media)
	url := image.GetUrl()
	mediaType, data, inline := translate.DataURL(url)
	format, taken := imageFormats[mediaType]
	switch {
	case strings.HasPrefix(url, "s3://"):
		media.Format, media.Source = new(imageFormatOf(url)), inS3(url)
		r.ledger.Renamed(member+".url", inContent+".image.source.s3Location.uri")
	case inline && (taken || r.ledger.Unsupported(at+of+".url", "images there are png, jpeg, gif or webp")):
		if !taken {
			_, format, _ = strings.Cut(mediaType, "/")
		}
		media.Format, media.Source = &format, &bedrockpb.MediaSource{Bytes: &data}
		r.ledger.Coerced(member+".url", inContent+".image.source.bytes", "the data without the URL around it")
	case inline:
		return nil
	case r.ledger.Unsupported(at+of+".url", "Converse takes data URLs and s3:// alone"):
		media.Source = &bedrockpb.MediaSource{Rest: wirejson.Set(nil, "url", wirejson.AppendString(nil, url))}
	default:
		return nil
	}
	media.Rest = r.leftover(nil, member, image)
	if image.Detail != nil {
		if image.GetDetail() == "auto" {
			r.ledger.Dropped(member+".detail", "auto is what comes without it")
		} else if r.ledger.Unsupported(at+of+".detail", "Converse has no such choice") {
			media.Rest = wirejson.Set(media.Rest, "detail", wirejson.AppendString(nil, image.GetDetail()))
		}
	}
	return &bedrockpb.ContentBlock{Image: media, Rest: r.leftover(nil, inContent, p, cacheControl)}
}

func imageFormatOf(url string) string {
	switch extension := strings.ToLower(strings.TrimPrefix(path.Ext(url), ".")); extension {
	case "jpg":
		return "jpeg"
	case "png", "gif", "webp":
		return extension
	}
	return "jpeg"
}

func inS3(uri string) *bedrockpb.MediaSource {
	return &bedrockpb.MediaSource{S3Location: &bedrockpb.S3Location{Uri: uri}}
}

// file translates a document, and a video or an image that was sent as a file.
func (r *request) file(at string, p *sluicev1.FilePart) *bedrockpb.ContentBlock {
	const member = inContent + ".file"
	f := orEmpty(p.GetFile())
	media := new(bedrockpb.Media)
	mediaType, data, inline := translate.DataURL(f.GetFileData())
	extension := strings.ToLower(strings.TrimPrefix(path.Ext(f.GetFilename()), "."))
	switch {
	case inline:
		media.Source = &bedrockpb.MediaSource{Bytes: &data}
		r.ledger.Coerced(member+".file_data", inContent+".document.source.bytes", "the data without the URL around it")
	case f.GetFileData() != "" && !strings.Contains(f.GetFileData(), ":"):
		media.Source = &bedrockpb.MediaSource{Bytes: f.FileData}
		r.ledger.Renamed(member+".file_data", inContent+".document.source.bytes")
	case strings.HasPrefix(f.GetFileId(), "s3://"):
		media.Source = inS3(f.GetFileId())
		if extension == "" {
			extension = strings.ToLower(strings.TrimPrefix(path.Ext(f.GetFileId()), "."))
		}
		r.ledger.Renamed(member+".file_id", inContent+".document.source.s3Location.uri")
	case r.ledger.Unsupported(at+".file", "Converse takes files inline or from s3:// alone"):
		return &bedrockpb.ContentBlock{Rest: wirejson.Marshal(p)}
	default:
		return nil
	}
	if f.FileId != nil && media.GetSource().GetBytes() != "" {
		r.ledger.Dropped(member+".file_id", "file_data says it")
	}
	media.Rest = r.leftover(nil, member, f)
	block := &bedrockpb.ContentBlock{Rest: r.leftover(nil, inContent, p, cacheControl)}
	format, isDocument := documentFormats[mediaType]
	switch {
	case imageFormats[mediaType] != "":
		media.Format, block.Image = new(imageFormats[mediaType]), media
		r.dropFilename(member, f)
		return block
	case videoFormats[mediaType] != "":
		media.Format, block.Video = new(videoFormats[mediaType]), media
		r.dropFilename(member, f)
		return block
	case !isDocument && extension != "":
		format = extension
	}
	if format != "" {
		media.Format = &format
	}
	media.Name, block.Document = new(r.documentName(f.GetFilename())), media
	if f.Filename != nil {
		r.ledger.Coerced(member+".filename", inContent+".document.name", "names of documents there differ, and hold letters, digits, spaces, hyphens, parentheses and brackets")
	}
	return block
}

func (r *request) dropFilename(member string, f *sluicev1.InputFile) {
	if f.Filename != nil {
		r.ledger.Dropped(member+".filename", "only documents have names there")
	}
}

// documentName makes a name that Converse takes: without the extension, of the characters
// that it allows, no two spaces in a row, and unlike those before.
//
// Source: Amazon Bedrock API reference, "DocumentBlock".
func (r *request) documentName(filename string) string {
	var out strings.Builder
	for _, c := range strings.TrimSuffix(filename, path.Ext(filename)) {
		switch {
		case c < 0x80 && (c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.ContainsRune("-()[]", c)):
			out.WriteRune(c)
		default:
			out.WriteByte(' ')
		}
	}
	name := strings.Join(strings.Fields(out.String()), " ")
	if name == "" {
		name = "document"
	}
	const most = 180 // of 200, with room for a number
	name = name[:min(len(name), most)]
	if r.names == nil {
		r.names = map[string]bool{}
	}
	unlike := name
	for n := 2; r.names[unlike]; n++ {
		unlike = name + " (" + strconv.Itoa(n) + ")"
	}
	r.names[unlike] = true
	return unlike
}

// cachePoint translates a breakpoint, OpenAI's or Anthropic's.
func (r *request) cachePoint(path string, p *sluicev1.PromptCacheBreakpoint, rest []byte) *bedrockpb.CachePoint {
	if p == nil {
		return r.cacheControl(path, rest)
	}
	const member = "prompt_cache_breakpoint"
	if _, both := wirejson.Get(rest, cacheControl); both {
		r.ledger.Dropped(path+"."+cacheControl, member+" says it")
	}
	r.ledger.Coerced(path+"."+member, path+".cachePoint", "a block of its own there")
	point := &bedrockpb.CachePoint{Type: "default", Rest: r.leftover(nil, path+"."+member, p)}
	if ttl := p.GetTtl(); ttl != "" {
		point.Ttl = new(cacheTTL(ttl))
		if *point.Ttl != ttl {
			r.ledger.Approximated(path+"."+member+".ttl", path+".cachePoint.ttl", "5m or 1h there")
		}
	}
	return point
}

// cacheTTL is the lifetime of caches, of the two that there are, that holds as long.
func cacheTTL(ttl string) string {
	if ttl == "5m" || ttl == "300s" {
		return "5m"
	}
	return "1h"
}

// cacheControl translates Anthropic's {"type": "ephemeral", "ttl": "1h"}.
func (r *request) cacheControl(path string, rest []byte) *bedrockpb.CachePoint {
	value, ok := wirejson.Get(rest, cacheControl)
	if !ok || value[0] != '{' {
		return nil
	}
	r.ledger.Coerced(path+"."+cacheControl, path+".cachePoint", "a block of its own there")
	point := new(bedrockpb.CachePoint)
	if !read(value, point) {
		return &bedrockpb.CachePoint{Type: "default"}
	}
	rest = point.GetRest()
	point.Type, point.Rest = "default", nil
	for name := range wirejson.Names(rest) {
		inner, _ := wirejson.Get(rest, name)
		point.Rest = wirejson.Set(point.Rest, name, inner)
	}
	return point
}
