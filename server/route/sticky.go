package route

import (
	"encoding/binary"
	"math"
	"math/bits"
)

// Sticky says what calls of [StrategySticky] have in common.
type Sticky struct {
	// By are the sources of the key; the first that a call has counts. Without any the
	// call goes by weight.
	By []StickyBy
	// Header is the header of [StickySession], in lower case. Empty: calls have none.
	Header string
	// PromptBytes is how much of the conversation counts for [StickyPrompt]. 0: nothing,
	// so that no call has that key.
	PromptBytes int
}

// StickyBy is a source of the key.
type StickyBy string

// The sources.
const (
	// StickySession is the value of the session's header.
	StickySession StickyBy = "session"
	// StickyUser is the user that the request names.
	StickyUser StickyBy = "user"
	// StickyKey is who calls.
	StickyKey StickyBy = "key"
	// StickyPrompt is how the conversation begins.
	StickyPrompt StickyBy = "prompt"
)

var stickySources = []StickyBy{StickySession, StickyUser, StickyKey, StickyPrompt}

// key returns the hash of the first value of By that the call has. ok is false when it
// has none.
func (s *Sticky) key(q *Query) (key uint64, ok bool) {
	for _, by := range s.By {
		var value string
		switch by {
		case StickySession:
			if q.Header != nil && s.Header != "" {
				value = q.Header(s.Header)
			}
		case StickyUser:
			value = q.User
		case StickyKey:
			value = q.Caller
		case StickyPrompt:
			if q.Prompt == nil || s.PromptBytes <= 0 {
				continue
			}
			prompt := q.Prompt(s.PromptBytes)
			if prompt = prompt[:min(len(prompt), s.PromptBytes)]; len(prompt) > 0 {
				return hash(prompt), true
			}
		}
		if value != "" {
			return hash([]byte(value)), true
		}
	}
	return 0, false
}

// marks returns a number for each target that depends on its provider and model alone,
// so that a new order of the configuration moves no key. Of targets that have both in
// common each next one gets another number.
func marks(targets []Target) []uint64 {
	list := make([]uint64, len(targets))
	for i := range targets {
		twins := byte(0)
		for j := range targets[:i] {
			if targets[j].Provider == targets[i].Provider && targets[j].Model == targets[i].Model {
				twins++
			}
		}
		list[i] = hash(append([]byte(targets[i].Provider+"\x00"+targets[i].Model+"\x00"), twins))
	}
	return list
}

// rank is that of weighted rendezvous hashing, the smallest first: among targets the
// one of mark is first for a share of the keys that is proportional to its weight, and
// its rank does not depend on who else is there. So a target that leaves moves its own
// keys only, and one that comes takes from all.
func rank(key, mark uint64, weight int) float64 {
	return -math.Log(fraction(mix(key^mark))) / float64(max(weight, 1))
}

// fraction maps a hash to (0, 1), both ends excluded.
func fraction(h uint64) float64 { return (float64(h>>12) + 0.5) / (1 << 52) }

// hash is the same on every machine and in every release, unlike hash/maphash, so that
// all replicas send a key to the same target. It takes eight bytes per step, as prompts
// are long and hash/fnv takes one; nothing depends on its being hard to guess.
func hash(b []byte) uint64 {
	h := uint64(len(b))
	for ; len(b) >= 8; b = b[8:] {
		h = step(h, binary.LittleEndian.Uint64(b))
	}
	var last uint64
	for i, c := range b {
		last |= uint64(c) << (8 * i)
	}
	return mix(step(h, last))
}

// The odd numbers are the fraction of the golden ratio and of the square root of two,
// in 64 bits.
func step(h, word uint64) uint64 {
	return bits.RotateLeft64(h^word*0x9e3779b97f4a7c15, 29) * 0x6a09e667f3bcc909
}

// mix is the finaliser of SplitMix64 (Steele, Lea, Flood: "Fast splittable pseudorandom
// number generators", 2014): every bit of x changes each bit of the result with even
// chance, and no two x have the same.
func mix(x uint64) uint64 {
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}
