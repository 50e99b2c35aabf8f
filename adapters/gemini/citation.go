package gemini

import (
	"strings"
	"unicode/utf8"

	geminipb "github.com/sluice-ai/sluice/gen/go/gemini"
	sluicev1 "github.com/sluice-ai/sluice/gen/go/sluice/v1"
	"github.com/sluice-ai/sluice/proto/wirejson"
)

func lower(word string) string { return strings.ToLower(word) }

// citations tells which spans of the content rest on which web pages. The metadata itself
// is kept as it came beside them.
//
// Source: GroundingSupport and Segment of google.golang.org/genai v1.77: places are bytes
// of a part, the end is behind the span. The contract's are characters of the content, and
// the end is the last one.
func (t *teller) citations(v *voice, raw []byte) (out []*sluicev1.Annotation) {
	metadata := new(geminipb.GroundingMetadata)
	if wirejson.Unmarshal(raw, metadata, lenient) != nil {
		return nil
	}
	text, chunks := v.text.String(), metadata.GetGroundingChunks()
	for _, support := range metadata.GetGroundingSupports() {
		segment := support.GetSegment()
		part := 0
		// Pieces of a stream are not the parts that a segment counts: what has no part of
		// its own begins with the content.
		if i := segment.GetPartIndex(); i > 0 && i < int64(len(v.parts)) {
			part = v.parts[i]
		}
		start, behind := part+int(segment.GetStartIndex()), part+int(segment.GetEndIndex())
		if segment == nil || start < 0 || behind <= start || behind > len(text) {
			start, behind = 0, 0
		}
		if said := stringMember(segment.GetRest(), "text"); said != "" && text[start:behind] != said {
			// The places are of something else: the words decide.
			start = max(strings.Index(text, said), 0)
			behind = start
			if strings.HasPrefix(text[start:], said) {
				behind += len(said)
			}
		}
		if behind == start {
			continue
		}
		first := utf8.RuneCountInString(text[:start])
		last := first + utf8.RuneCountInString(text[start:behind]) - 1
		for _, i := range support.GetGroundingChunkIndices() {
			if i < 0 || i >= int64(len(chunks)) || chunks[i].GetWeb() == nil {
				continue
			}
			web := chunks[i].GetWeb()
			t.ledger.Coerced("candidates[].groundingMetadata.groundingSupports[]", "choices[].message.annotations[]", "places are characters, not bytes")
			out = append(out, &sluicev1.Annotation{Annotation: &sluicev1.Annotation_UrlCitation{UrlCitation: &sluicev1.UrlCitationAnnotation{
				UrlCitation: &sluicev1.UrlCitation{Url: web.GetUri(), Title: web.GetTitle(), StartIndex: int64(first), EndIndex: int64(last)},
			}}})
		}
	}
	return out
}

// logprobs tells the log probabilities of tokens.
func (t *teller) logprobs(result *geminipb.LogprobsResult) *sluicev1.Logprobs {
	if result == nil {
		return nil
	}
	t.ledger.Coerced("candidates[].logprobsResult", "choices[].logprobs", "the likeliest tokens stand inside of the one that was chosen")
	out := &sluicev1.Logprobs{Rest: t.ledger.HandOn("candidates[].logprobsResult", nil, result.GetRest())}
	for i, chosen := range result.GetChosenCandidates() {
		entry := &sluicev1.TokenLogprob{
			Token: chosen.GetToken(), Logprob: chosen.GetLogProbability(), Bytes: bytesOf(chosen.GetToken()),
			Rest: t.ledger.HandOn("candidates[].logprobsResult.chosenCandidates[]", nil, chosen.GetRest()),
		}
		if i < len(result.GetTopCandidates()) {
			top := result.GetTopCandidates()[i]
			for _, c := range top.GetCandidates() {
				entry.TopLogprobs = append(entry.TopLogprobs, &sluicev1.TopLogprob{
					Token: c.GetToken(), Logprob: c.GetLogProbability(), Bytes: bytesOf(c.GetToken()),
					Rest: t.ledger.HandOn("candidates[].logprobsResult.topCandidates[].candidates[]", nil, c.GetRest()),
				})
			}
			entry.Rest = t.ledger.HandOn("candidates[].logprobsResult.topCandidates[]", entry.Rest, top.GetRest())
		}
		out.Content = append(out.Content, entry)
	}
	return out
}

func bytesOf(token string) []int32 {
	out := make([]int32, len(token))
	for i := range len(token) {
		out[i] = int32(token[i])
	}
	return out
}
