package upstream

import (
	"compress/gzip"
	"errors"
	"io"
	"sync"
)

const (
	// firstAnswerBytes is room for a short answer whose length is not announced.
	firstAnswerBytes = 512
	// pieceBytes is up to where an answer is read into one buffer, which holds nearly all
	// of them. The rest of a longer one is collected in pieces of that size: a buffer that
	// goes on to double would leave as much garbage behind as it holds. It is also what is
	// allocated on the word of a Content-Length alone.
	pieceBytes = 1 << 20

	// maxRatio is how many times its size a compressed body may grow to, once it is larger
	// than freeRatioBytes. JSON and events shrink to a tenth or a thirtieth; what shrinks to
	// a hundredth, of the thousandth that gzip can do, holds the same over and over.
	maxRatio       = 100
	freeRatioBytes = 1 << 20
)

var (
	errTooLong  = errors.New("more came than may")
	errTooDense = errors.New("the body grows too much when it is decompressed")
)

// timedBody reads the body and gives up when a read takes longer than the idle
// timeout, or behind exchange.most bytes. Time between reads, when the caller is slow,
// does not count.
type timedBody struct{ x *exchange }

func (b timedBody) Read(p []byte) (int, error) {
	b.x.timer.Reset(b.x.timeouts.Idle)
	n, err := b.x.response.Body.Read(p)
	b.x.timer.Stop()
	if b.x.received += int64(n); b.x.received > b.x.most {
		return n, errTooLong
	}
	return n, err
}

// gunzip decompresses the body, within the same bounds for what goes in and what comes
// out: there are files of gzip without an end that hold nothing. It starts at the first
// read, because a stream's header arrives late.
type gunzip struct {
	x      *exchange
	reader *gzip.Reader
	out    int64
}

func (g *gunzip) Read(p []byte) (int, error) {
	if g.reader == nil {
		reader, err := gzip.NewReader(timedBody{g.x})
		if err != nil {
			return 0, err
		}
		g.reader = reader
	}
	n, err := g.reader.Read(p)
	g.out += int64(n)
	switch {
	case g.out > freeRatioBytes && g.out/maxRatio > g.x.received:
		return 0, errTooDense
	case g.out > g.x.most:
		return n, errTooLong
	}
	return n, err
}

// read reads the body up to limit bytes, and tells whether that was all of it. If not, or
// when it breaks off, no more than the first pieceBytes of what came are returned.
func (x *exchange) read(limit int64) (body []byte, whole bool, err error) {
	x.most = limit
	size, announced := int64(firstAnswerBytes), int64(0)
	if _, packed := x.body.(*gunzip); !packed && x.response.ContentLength >= 0 {
		announced = min(x.response.ContentLength, limit)
		// One byte more, so that the read that finds the end needs no larger buffer.
		size = min(announced, pieceBytes) + 1
	}
	body = make([]byte, 0, size)
	for {
		n, err := x.body.Read(body[len(body):cap(body)])
		body = body[:len(body)+n]
		switch {
		case int64(len(body)) > limit:
			return body[:min(limit, pieceBytes)], false, nil
		case err == io.EOF:
			return body, true, nil
		case err != nil:
			return body[:min(len(body), pieceBytes)], false, err
		case len(body) < cap(body):
			continue
		case announced >= int64(cap(body)):
			size = announced + 1 // who has sent a piece of it is believed the rest
		case len(body) > pieceBytes:
			return x.readOn(body, limit)
		default:
			size = min(2*int64(cap(body)), pieceBytes+1, limit+1)
		}
		grown := make([]byte, len(body), size)
		copy(grown, body)
		body = grown
	}
}

// piece is one of a long answer. They are used again: when one answer after the other is
// refused at its limit, the last one's memory is there for the next.
type piece [pieceBytes]byte

var unusedPieces = sync.Pool{New: func() any { return new(piece) }}

// readOn is the rest of [exchange.read] behind what fits into one piece.
func (x *exchange) readOn(head []byte, limit int64) (body []byte, whole bool, err error) {
	var more []*piece
	defer func() {
		for _, p := range more {
			unusedPieces.Put(p)
		}
	}()
	total, used := int64(len(head)), pieceBytes // used of the last piece
	for {
		if used == pieceBytes {
			more, used = append(more, unusedPieces.Get().(*piece)), 0 //nolint:forcetypeassert // the pool holds nothing else
		}
		n, err := x.body.Read(more[len(more)-1][used:])
		used += n
		total += int64(n)
		switch {
		case total > limit:
			return head[:pieceBytes], false, nil
		case err == io.EOF:
			body = append(make([]byte, 0, total), head...)
			for _, p := range more {
				body = append(body, p[:min(total-int64(len(body)), pieceBytes)]...)
			}
			return body, true, nil
		case err != nil:
			return head[:pieceBytes], false, err
		}
	}
}
