package config

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/sluice-ai/sluice/adapters"
)

// maxSecretBytes bounds what a ${file:...} may hold: it becomes a header.
const maxSecretBytes = 64 * kib

// secrets resolves texts that refer to secrets. It remembers which files it read.
type secrets struct {
	lookupEnv func(string) (string, bool)
	readFile  func(string) ([]byte, error)
	// folder is where relative paths of ${file:...} start.
	folder string
	files  []string
	// peek is that of [Loader].
	peek bool
}

// resolveDocument is resolve for a secret that may have more than one line.
func (s *secrets) resolveDocument(text string) (secret adapters.Secret, literal bool, err error) {
	return s.replace(text, func(r rune) bool { return r == 0 })
}

// resolve replaces the references in text. literal reports that there was none.
// Errors name the reference, never a value.
func (s *secrets) resolve(text string) (secret adapters.Secret, literal bool, err error) {
	return s.replace(text, func(r rune) bool { return r < ' ' || r == 0x7f })
}

func (s *secrets) replace(text string, refused func(rune) bool) (secret adapters.Secret, literal bool, err error) {
	var b strings.Builder
	literal = true
	rest := text
	for {
		i := strings.Index(rest, "${")
		if i < 0 {
			break
		}
		if i > 0 && rest[i-1] == '$' {
			b.WriteString(rest[:i-1])
			b.WriteString("${")
			rest = rest[i+2:]
			continue
		}
		end := strings.IndexByte(rest[i:], '}')
		if end < 0 {
			return secret, false, errors.New("a reference begins with ${ and has no }; write $${ for a literal ${")
		}
		value, err := s.lookup(rest[i+2:i+end], refused)
		if err != nil {
			return secret, false, err
		}
		literal = false
		b.WriteString(rest[:i])
		b.WriteString(value)
		rest = rest[i+end+1:]
	}
	b.WriteString(rest)
	return adapters.NewSecret(b.String()), literal, nil
}

func (s *secrets) lookup(reference string, refused func(rune) bool) (string, error) {
	scheme, name, ok := strings.Cut(reference, ":")
	var value string
	switch {
	case !ok || name == "":
		return "", errors.New("a reference is written ${env:NAME} or ${file:/path}")
	case scheme == "env":
		if value, ok = s.lookupEnv(name); !ok {
			return "", fmt.Errorf("the environment variable %s is not set", name)
		}
		if value == "" {
			return "", fmt.Errorf("the environment variable %s is empty", name)
		}
	case scheme == "file":
		var err error
		if value, err = s.read(name); err != nil {
			return "", err
		}
	default:
		return "", fmt.Errorf("unknown kind of reference %q: known are env and file", scheme)
	}
	if strings.ContainsFunc(value, refused) {
		return "", fmt.Errorf("the value of ${%s} has a line break or another control character", reference)
	}
	return value, nil
}

func (s *secrets) read(path string) (string, error) {
	if !filepath.IsAbs(path) {
		path = filepath.Join(s.folder, path)
	}
	s.files = append(s.files, path)
	data, err := s.readFile(path)
	if err != nil {
		return "", fmt.Errorf("the secret's file cannot be read: %w", err)
	}
	if len(data) > maxSecretBytes {
		return "", fmt.Errorf("the secret's file %s has %d bytes, more than %d", path, len(data), maxSecretBytes)
	}
	value := strings.TrimRight(string(data), "\r\n")
	if value == "" {
		return "", fmt.Errorf("the secret's file %s is empty", path)
	}
	return value, nil
}
