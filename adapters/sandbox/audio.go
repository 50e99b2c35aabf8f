package sandbox

import (
	"encoding/base64"
	"encoding/binary"
	"iter"
	"slices"

	sluicev1 "github.com/sluice-ai/sluice/gen/go/sluice/v1"
)

// The sound that stands for a spoken answer: a soft 200 Hz square wave, 24 kHz,
// 16 bit, mono, 10 ms per token and at most one second. MP3 is silence of the same
// length: encoding a tone would need an encoder.
const (
	sampleRate      = 24_000
	samplesPerToken = sampleRate / 100
	maxSoundTokens  = 100
	wavePeriod      = sampleRate / 200
	waveLevel       = 1000 // of 32767
)

// audioExpiry is an hour after [epoch].
const audioExpiry = epoch + 3600

// soundFormats are those that the sandbox makes.
var soundFormats = []string{"wav", "pcm16", "mp3"}

// sound is a spoken answer.
type sound struct {
	id, format string
	data       []byte
}

func wantsAudio(req *sluicev1.ChatCompletionRequest) bool {
	return slices.Contains(req.GetModalities(), "audio")
}

func newSound(options *sluicev1.AudioOptions, id string) *sound {
	return &sound{id: id, format: options.GetFormat()}
}

// record makes the sound of the transcript.
func (s *sound) record(transcript string) {
	n := int(min(countTokens(transcript), maxSoundTokens))
	switch s.format {
	case "mp3":
		s.data = silentMP3(n)
	case "pcm16":
		s.data = tone(n)
	default:
		samples := tone(n)
		s.data = append(wavHead(len(samples)), samples...)
	}
}

func tone(tokens int) []byte {
	out := make([]byte, 0, 2*tokens*samplesPerToken)
	for i := range tokens * samplesPerToken {
		level := int16(waveLevel)
		if i%wavePeriod >= wavePeriod/2 {
			level = -level
		}
		out = binary.LittleEndian.AppendUint16(out, uint16(level))
	}
	return out
}

// wavHead is the header of a WAV file with size bytes of 16 bit mono samples.
func wavHead(size int) []byte {
	h := append(make([]byte, 0, 44+size), "RIFF"...)
	h = binary.LittleEndian.AppendUint32(h, uint32(36+size))
	h = append(h, "WAVEfmt "...)
	h = binary.LittleEndian.AppendUint32(h, 16)
	h = binary.LittleEndian.AppendUint16(h, 1) // PCM
	h = binary.LittleEndian.AppendUint16(h, 1) // mono
	h = binary.LittleEndian.AppendUint32(h, sampleRate)
	h = binary.LittleEndian.AppendUint32(h, 2*sampleRate)
	h = binary.LittleEndian.AppendUint16(h, 2)
	h = binary.LittleEndian.AppendUint16(h, 16)
	h = append(h, "data"...)
	return binary.LittleEndian.AppendUint32(h, uint32(size))
}

// silentMP3 is frames of MPEG-2 layer III, 64 kbit/s, 24 kHz, mono, with nothing
// in them: a header, and side information and samples of zeros. A frame lasts
// 24 ms and has 72 * 64000 / 24000 = 192 bytes.
func silentMP3(tokens int) []byte {
	const frameBytes, frameMillis = 192, 24
	frames := (tokens*10 + frameMillis - 1) / frameMillis
	out := make([]byte, frames*frameBytes)
	for i := range frames {
		copy(out[i*frameBytes:], []byte{0xff, 0xf3, 0x84, 0xc4})
	}
	return out
}

func (s *sound) message(transcript string) *sluicev1.Audio {
	return &sluicev1.Audio{
		Id: s.id, Data: base64.StdEncoding.EncodeToString(s.data), ExpiresAt: audioExpiry, Transcript: transcript,
	}
}

// pieceBytes is a multiple of three, so that each piece is base64 of its own and
// all of them together are too.
const pieceBytes = 6000

// pieces are the sound in base64, for one chunk each.
func (s *sound) pieces() iter.Seq[string] {
	return func(yield func(string) bool) {
		for piece := range slices.Chunk(s.data, pieceBytes) {
			if !yield(base64.StdEncoding.EncodeToString(piece)) {
				return
			}
		}
	}
}

// checkAudio refuses formats that the sandbox cannot make.
func (s *sandbox) checkAudio(req *sluicev1.ChatCompletionRequest) error {
	if !wantsAudio(req) {
		return nil
	}
	if req.GetAudio() == nil {
		return s.invalid("audio", "missing_required_parameter", "modalities has audio, so audio must be given")
	}
	if format := req.GetAudio().GetFormat(); !slices.Contains(soundFormats, format) {
		return s.invalid("audio.format", "unsupported_value", "the sandbox makes wav, pcm16 and mp3, not %q", clipRunes(format, 32))
	}
	return nil
}
