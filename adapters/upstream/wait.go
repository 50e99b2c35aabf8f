package upstream

import (
	"math"
	"net/http"
	"strconv"
	"strings"
	"time"
)

const (
	// maxRetryAfter bounds what a provider may ask for. The longest windows of rate
	// limits in use are days.
	maxRetryAfter = 24 * time.Hour

	// What is no less than these is a time, not a wait: in seconds since 1970, and in
	// milliseconds, as OpenRouter's.
	minEpochSeconds      = 1e9
	minEpochMilliseconds = 1e12
)

// retryAfter reads how long a provider asks to wait: retry-after-ms, which is the finer
// one, else Retry-After in seconds or as a date, else, when a rate limit is used up,
// the time until that is reset. 0: it does not ask.
func retryAfter(status int, header http.Header) time.Duration {
	if wait, ok := parseWait(header.Get("Retry-After-Ms"), time.Millisecond); ok {
		return wait
	}
	value := header.Get("Retry-After")
	if wait, ok := parseWait(value, time.Second); ok {
		return wait
	}
	if at, err := http.ParseTime(value); err == nil {
		return bounded(time.Until(at))
	}
	if status != http.StatusTooManyRequests {
		return 0
	}
	return untilReset(header)
}

// untilReset reads the headers of rate limits. Of several that are used up, the last
// to be reset counts.
//
// Sources: OpenAI's guide "Rate limits" (x-ratelimit-reset-requests: 1s, -tokens: 6m0s)
// and Groq's (2m59.56s), 2026-11; Azure OpenAI writes whole seconds. RateLimit-Reset in
// seconds: draft-ietf-httpapi-ratelimit-headers-06, section 3; OpenRouter's
// X-RateLimit-Reset, as GitHub's, is a time.
func untilReset(header http.Header) time.Duration {
	var longest time.Duration
	for _, of := range []string{"-Requests", "-Tokens"} {
		if used, known := usedUp(header, "X-Ratelimit-Remaining"+of); used && known {
			longest = max(longest, parseReset(header.Get("X-Ratelimit-Reset"+of)))
		}
	}
	for _, prefix := range []string{"X-Ratelimit-", "Ratelimit-"} {
		if used, known := usedUp(header, prefix+"Remaining"); used || !known {
			longest = max(longest, parseReset(header.Get(prefix+"Reset")))
		}
	}
	return longest
}

// usedUp tells whether nothing remains, and whether the header says anything about it.
func usedUp(header http.Header, name string) (used, known bool) {
	value := strings.TrimSpace(header.Get(name))
	return value == "0", value != ""
}

// parseReset reads a wait ("6m0s", "120ms", seconds) or a time (seconds or milliseconds
// since 1970). 0: it is neither, or gone by.
func parseReset(value string) time.Duration {
	value = strings.TrimSpace(value)
	if wait, err := time.ParseDuration(value); err == nil {
		return bounded(wait)
	}
	number, err := strconv.ParseFloat(value, 64)
	if err != nil {
		return 0
	}
	switch {
	case number >= minEpochMilliseconds && number < minEpochMilliseconds*100:
		return bounded(time.Until(time.UnixMilli(int64(number))))
	case number >= minEpochSeconds && number < minEpochSeconds*100:
		return bounded(time.Until(time.UnixMilli(int64(number * 1000))))
	}
	wait, _ := parseWait(value, time.Second)
	return wait
}

func parseWait(value string, unit time.Duration) (time.Duration, bool) {
	number, err := strconv.ParseFloat(strings.TrimSpace(value), 64)
	if err != nil || math.IsNaN(number) || math.IsInf(number, 0) || number < 0 {
		return 0, false
	}
	if number > float64(maxRetryAfter/unit) {
		return maxRetryAfter, true
	}
	return time.Duration(number * float64(unit)), true
}

func bounded(wait time.Duration) time.Duration { return min(max(wait, 0), maxRetryAfter) }
