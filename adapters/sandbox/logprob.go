package sandbox

import (
	"math"

	sluicev1 "github.com/sluice-ai/sluice/gen/go/sluice/v1"
)

// alternatives are the tokens that stand beside the chosen one in top_logprobs.
var alternatives = [...]string{
	" the", " a", " of", " and", " to", " in", " is", " that", " it", " for", " on",
	" with", " as", " was", " at", " by", " be", " this", " or", " not", " but", " so",
}

// logprobs are those of a whole choice; nil when nobody asked, or when the choice
// has neither content nor refusal.
func (a *answer) logprobs(c *choice) *sluicev1.Logprobs {
	if a.topLogprobs < 0 || c.audio != nil || c.text == "" && c.refusal == "" {
		return nil
	}
	text, refused := c.text, c.refusal != ""
	if refused {
		text = c.refusal
	}
	var entries []*sluicev1.TokenLogprob
	for token := range tokens(text) {
		entries = append(entries, a.tokenLogprob(token))
	}
	return logprobsOf(entries, refused)
}

// tokenLogprobs is the part of a chunk with one token.
func (a *answer) tokenLogprobs(token string, refused bool) *sluicev1.Logprobs {
	return logprobsOf([]*sluicev1.TokenLogprob{a.tokenLogprob(token)}, refused)
}

// logprobsOf puts entries where they belong. The other list is null, as OpenAI
// sends it.
func logprobsOf(entries []*sluicev1.TokenLogprob, refused bool) *sluicev1.Logprobs {
	if refused {
		return &sluicev1.Logprobs{Refusal: entries, Rest: []byte(`{"content":null}`)}
	}
	return &sluicev1.Logprobs{Content: entries, Rest: []byte(`{"refusal":null}`)}
}

// tokenLogprob gives a token a probability between 0.5 and 0.99 by its text, and
// halves what is left from one alternative to the next: they never exceed 1 in
// sum, and never the token.
func (a *answer) tokenLogprob(token string) *sluicev1.TokenLogprob {
	h := hash64(0, token)
	p := 0.5 + float64(h%50)/100
	out := &sluicev1.TokenLogprob{Token: token, Logprob: logOf(p), Bytes: bytesOf(token)}
	if a.topLogprobs == 0 {
		return out
	}
	out.TopLogprobs = append(out.TopLogprobs, &sluicev1.TopLogprob{Token: token, Logprob: out.Logprob, Bytes: bytesOf(token)})
	rest := 1 - p
	for i := 0; len(out.TopLogprobs) < a.topLogprobs; i++ {
		other := alternatives[(int(h>>8%uint64(len(alternatives)))+i)%len(alternatives)]
		if other == token {
			continue
		}
		rest /= 2
		out.TopLogprobs = append(out.TopLogprobs, &sluicev1.TopLogprob{Token: other, Logprob: logOf(rest), Bytes: bytesOf(other)})
	}
	return out
}

// logOf rounds so that every machine prints the same digits.
func logOf(p float64) float64 { return math.Round(math.Log(p)*1e4) / 1e4 }

func bytesOf(s string) []int32 {
	out := make([]int32, len(s))
	for i := range len(s) {
		out[i] = int32(s[i])
	}
	return out
}
