package anthropic

import (
	"time"

	anthropicpb "github.com/sluice-ai/sluice/gen/go/anthropic"
	sluicev1 "github.com/sluice-ai/sluice/gen/go/sluice/v1"
	"github.com/sluice-ai/sluice/proto/wirejson"
)

// The lifetimes of what is cached. Source: the documentation's "Prompt caching", 2026-11.
const (
	ttlShort, ttlLong = "5m", "1h"
)

// caching says what the contract has about the cache as a whole.
func (t *translation) caching() {
	if t.req.PromptCacheKey != nil {
		t.ledger.Dropped("prompt_cache_key", "the provider finds cached prefixes by themselves")
	}
	if t.req.PromptCacheRetention != nil {
		switch retention := t.req.GetPromptCacheRetention(); {
		case retention == "in_memory":
			t.ledger.Dropped("prompt_cache_retention", "it is the default")
		case t.body.CacheControl != nil:
			t.ledger.Dropped("prompt_cache_retention", "the request's own cache_control says it")
		default:
			t.body.CacheControl = cacheFor(ttlLong)
			t.ledger.Approximated("prompt_cache_retention", "cache_control.ttl", "1h is the longest")
		}
	}
	options := t.req.GetPromptCacheOptions()
	if options == nil {
		return
	}
	const member = "prompt_cache_options"
	rest := members(options.GetRest())
	switch {
	case t.body.CacheControl != nil:
		t.ledger.Dropped(member, "another member says it already")
	case options.Mode != nil && options.GetMode() != "implicit":
		t.ledger.Dropped(member, "the provider caches nothing but what breakpoints ask for")
	default:
		ttl, exact := "", true
		if options.Ttl != nil {
			ttl, exact = lifetime(options.GetTtl())
		}
		t.body.CacheControl = cacheFor(ttl)
		t.ledger.Coerced(member, "cache_control", "ephemeral puts a breakpoint behind the last block")
		if options.Mode != nil {
			t.ledger.Coerced(member+".mode", "cache_control.type", "implicit is ephemeral")
		}
		t.noteLifetime(member+".ttl", "cache_control.ttl", options.Ttl != nil, exact)
		t.nestedLeftover(member, rest, &t.body.CacheControl.Rest)
	}
}

func (t *translation) noteLifetime(member, to string, there, exact bool) {
	switch {
	case !there:
	case exact:
		t.ledger.Renamed(member, to)
	default:
		t.ledger.Approximated(member, to, "lifetimes are 5m and 1h")
	}
}

func cacheFor(ttl string) *anthropicpb.CacheControl {
	c := &anthropicpb.CacheControl{}
	if ttl != "" {
		c.Ttl = &ttl
	}
	return c
}

// lifetime returns the shortest that the dialect has of at least the asked one, or the
// longest, and whether it is the same.
func lifetime(asked string) (ttl string, exact bool) {
	d, err := time.ParseDuration(asked)
	switch {
	case err == nil && d <= 5*time.Minute:
		return ttlShort, d == 5*time.Minute
	case err == nil && d == time.Hour:
		return ttlLong, true
	}
	return ttlLong, false
}

func cacheControlOf(value []byte) (*anthropicpb.CacheControl, error) {
	m := new(anthropicpb.CacheControl)
	return m, wirejson.Unmarshal(value, m, wirejson.Options{})
}

// cacheControl takes a block's cache_control, the dialect's own in a rest or the contract's
// breakpoint. path is that of the object, with [] for elements.
func (t *translation) cacheControl(path string, breakpoint *sluicev1.PromptCacheBreakpoint, rest []byte) (control *anthropicpb.CacheControl, remaining []byte) {
	const name = "prompt_cache_breakpoint"
	if value, others, ok := wirejson.Take(rest, "cache_control"); ok {
		rest = others
		if c, err := cacheControlOf(value); err == nil {
			control = c
		} else if string(value) != "null" {
			t.cannot(path+".cache_control", "its type is not ephemeral")
		}
	}
	switch {
	case breakpoint == nil:
	case control != nil:
		t.ledger.Dropped(path+"."+name, "cache_control says it")
	default:
		ttl, exact := "", true
		if breakpoint.Ttl != nil {
			ttl, exact = lifetime(breakpoint.GetTtl())
		}
		control = cacheFor(ttl)
		t.ledger.Coerced(path+"."+name, "cache_control", "a breakpoint of type ephemeral")
		if breakpoint.Mode != nil {
			t.ledger.Coerced(path+"."+name+".mode", "cache_control.type", "explicit is ephemeral")
		}
		t.noteLifetime(path+"."+name+".ttl", "cache_control.ttl", breakpoint.Ttl != nil, exact)
		t.nestedLeftover(path+"."+name, members(breakpoint.GetRest()), &control.Rest)
	}
	return control, rest
}
