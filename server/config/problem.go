package config

import (
	"errors"
	"fmt"
	"strings"
)

// Problem is one thing that is wrong, or doubtful, in a configuration. It never
// holds a secret.
type Problem struct {
	// File is the name of the file, or of the flag that set the value. Empty when the
	// configuration came from neither.
	File string
	// Line and Column begin at 1; 0 when there is no file.
	Line, Column int
	// Path is the key, as "models[0].targets[1].provider". Empty for the whole file.
	Path string
	// Message says what is wrong and what to do.
	Message string
}

// String returns "file:line:column: path: message" without the parts that are
// unknown.
func (p Problem) String() string {
	var b strings.Builder
	if p.File != "" {
		b.WriteString(p.File)
		if p.Line > 0 {
			fmt.Fprintf(&b, ":%d:%d", p.Line, p.Column)
		}
		b.WriteString(": ")
	}
	if p.Path != "" {
		b.WriteString(p.Path)
		b.WriteString(": ")
	}
	b.WriteString(p.Message)
	return b.String()
}

// Error is a configuration that cannot be used, with everything that is wrong with
// it, in the order of the file.
type Error struct{ Problems []Problem }

// Error returns one line per problem.
func (e *Error) Error() string {
	lines := make([]string, len(e.Problems))
	for i, p := range e.Problems {
		lines[i] = p.String()
	}
	return strings.Join(lines, "\n")
}

// Problems returns the problems of the [*Error] in err's chain; any other error
// becomes one problem without a position. Problems(nil) is nil.
func Problems(err error) []Problem {
	if err == nil {
		return nil
	}
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Problems
	}
	return []Problem{{Message: err.Error()}}
}
