package config

import (
	"bytes"
	"cmp"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	configv1 "github.com/sluice-ai/sluice/gen/go/sluice/config/v1"
)

// Sandbox is the name and the kind of the built-in provider.
const Sandbox = "sandbox"

// Kind is an adapter that a provider may name.
type Kind struct {
	Name string
	// KeyEnv is the environment variable that usually holds a key of it. Empty when
	// there is none.
	KeyEnv string
	// Explicit says that a key is not enough to have the provider without a file: it needs
	// more, or the key may be there for another reason.
	Explicit bool
	// Retired is the day since when its company does not serve it. Empty: it does.
	Retired string
	// Sections are the keys of a provider that it reads and others do not: google, aws,
	// azure, dialect.
	Sections []string
}

// Overrides are values that the command line sets over those of the file. Empty
// ones set nothing.
type Overrides struct {
	HTTP, GRPC, Admin string
	Insecure          bool
}

// Loader reads configurations. The zero value reads the process's environment and
// files, and takes any kind.
type Loader struct {
	// Kinds are the adapters there are, the most usual first. Nil: kinds are not
	// checked.
	Kinds []Kind
	// Overrides go over what the file says.
	Overrides Overrides
	// LookupEnv stands in for [os.LookupEnv].
	LookupEnv func(string) (string, bool)
	// ReadFile stands in for [os.ReadFile].
	ReadFile func(string) ([]byte, error)
	// Peek is for who wants to know where a server listens and may not read all of its
	// files: its private keys are left out, as are certificates that cannot be read.
	Peek bool
}

// Load reads the file at path with the zero [Loader].
func Load(path string) (*Config, error) { return Loader{}.Load(path) }

// Parse reads a configuration with the zero [Loader]. The name stands in messages.
func Parse(name string, data []byte) (*Config, error) { return Loader{}.Parse(name, data) }

// Load reads the file at path. The error is an [*Error] with everything that is
// wrong.
func (l Loader) Load(path string) (*Config, error) {
	data, err := l.readFile(path)
	if err != nil {
		return nil, &Error{[]Problem{{Message: fmt.Sprintf("the configuration cannot be read: %v", err)}}}
	}
	return l.Parse(path, data)
}

// Parse reads a configuration. The name stands in messages, and relative paths of
// secrets start at its folder. The error is an [*Error] with everything that is
// wrong.
func (l Loader) Parse(name string, data []byte) (*Config, error) {
	d := newDocument(name)
	message := &configv1.Config{}
	d.read(bytes.NewReader(data), message.ProtoReflect())
	if d.nodes >= maxNodes {
		return nil, &Error{d.problems}
	}
	return l.finish(d, message)
}

// Default returns the configuration without a file: the sandbox, and each provider
// whose usual key is in the environment. The first of those gets the models that
// nothing else names.
func (l Loader) Default() (*Config, error) {
	message := &configv1.Config{Routing: &configv1.Routing{}}
	for _, kind := range l.Kinds {
		if kind.KeyEnv == "" || kind.Explicit {
			continue
		}
		if value, _ := l.lookupEnv(kind.KeyEnv); value == "" {
			continue
		}
		if len(message.GetProviders()) == 0 {
			message.Routing.DefaultProvider = &kind.Name
		}
		message.Providers = append(message.Providers, &configv1.Provider{
			Name: &kind.Name, Kind: &kind.Name, ApiKeys: []string{"${env:" + kind.KeyEnv + "}"},
		})
	}
	message.Providers = append(message.Providers, &configv1.Provider{
		Name: new(Sandbox), Kind: new(Sandbox),
	})
	return l.finish(newDocument(""), message)
}

func (l Loader) finish(d *document, message *configv1.Config) (*Config, error) {
	l.override(d, message)
	setDefaults(message.ProtoReflect())
	if d.validate(message) {
		d.crossCheck(message, l.Kinds)
	}
	s := &secrets{lookupEnv: l.lookupEnv, readFile: l.readFile, folder: filepath.Dir(d.file), peek: l.Peek}
	known := d.almanac(message.GetCatalog(), l.Kinds, s)
	c := d.resolve(message, s)
	c.Almanac = known
	d.checkPrices(c)
	c.Warnings = d.warnings
	sortProblems(d.problems)
	if len(d.problems) > 0 {
		return nil, &Error{d.problems}
	}
	sortProblems(c.Warnings)
	return c, nil
}

func (l Loader) override(d *document, message *configv1.Config) {
	set := func(field **string, value, path, flag string) {
		if value != "" {
			*field = &value
			d.positions[path] = position{file: flag}
		}
	}
	if message.Listen == nil {
		message.Listen = &configv1.Listen{}
	}
	set(&message.Listen.Http, l.Overrides.HTTP, "listen.http", "--http")
	set(&message.Listen.Grpc, l.Overrides.GRPC, "listen.grpc", "--grpc")
	set(&message.Listen.Admin, l.Overrides.Admin, "listen.admin", "--admin")
	if l.Overrides.Insecure {
		if message.Auth == nil {
			message.Auth = &configv1.Auth{}
		}
		message.Auth.Insecure = &l.Overrides.Insecure
	}
}

func (l Loader) lookupEnv(name string) (string, bool) {
	if l.LookupEnv != nil {
		return l.LookupEnv(name)
	}
	return os.LookupEnv(name)
}

func (l Loader) readFile(name string) ([]byte, error) {
	if l.ReadFile != nil {
		return l.ReadFile(name)
	}
	return os.ReadFile(name) //nolint:gosec // the operator names the files of the configuration
}

func sortProblems(problems []Problem) {
	slices.SortStableFunc(problems, func(a, b Problem) int {
		return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
	})
}
