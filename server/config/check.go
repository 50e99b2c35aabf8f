package config

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"

	"buf.build/go/protovalidate"
	"google.golang.org/protobuf/reflect/protoreflect"

	configv1 "github.com/sluice-ai/sluice/gen/go/sluice/config/v1"
)

// setDefaults gives every absent field the default that its option names.
func setDefaults(m protoreflect.Message) {
	fields := m.Descriptor().Fields()
	for i := range fields.Len() {
		field := fields.Get(i)
		switch {
		case field.IsMap():
		case field.IsList():
			for j := range m.Get(field).List().Len() {
				if field.Message() != nil {
					setDefaults(m.Get(field).List().Get(j).Message())
				}
			}
		case field.Message() != nil:
			if m.Has(field) || hasDefaults(field.Message()) {
				setDefaults(m.Mutable(field).Message())
			}
		case rulesOf(field).GetDefault() != "" && !m.Has(field):
			m.Set(field, defaultValue(field))
		}
	}
}

// hasDefaults tells whether an absent message means something: one without defaults is
// just absent.
func hasDefaults(m protoreflect.MessageDescriptor) bool {
	for i := range m.Fields().Len() {
		field := m.Fields().Get(i)
		if rulesOf(field).GetDefault() != "" || !field.IsList() && !field.IsMap() && field.Message() != nil && hasDefaults(field.Message()) {
			return true
		}
	}
	return false
}

// defaultValue panics when the option is no value of the field: a test reads all.
func defaultValue(field protoreflect.FieldDescriptor) protoreflect.Value {
	text := rulesOf(field).GetDefault()
	var err error
	var v protoreflect.Value
	switch field.Kind() {
	case protoreflect.StringKind:
		return protoreflect.ValueOfString(text)
	case protoreflect.BoolKind:
		var b bool
		b, err = strconv.ParseBool(text)
		v = protoreflect.ValueOfBool(b)
	case protoreflect.Int32Kind:
		var n int64
		n, err = strconv.ParseInt(text, 10, 32)
		v = protoreflect.ValueOfInt32(int32(n))
	case protoreflect.Int64Kind:
		var n int64
		n, err = strconv.ParseInt(text, 10, 64)
		v = protoreflect.ValueOfInt64(n)
	case protoreflect.DoubleKind:
		var f float64
		f, err = strconv.ParseFloat(text, 64)
		v = protoreflect.ValueOfFloat64(f)
	default:
		err = errors.New("no default for this kind of field")
	}
	if err != nil {
		panic(fmt.Sprintf("config: default of %s: %v", field.FullName(), err))
	}
	return v
}

// validator is built on first use: it compiles the rules of every message.
var validator = sync.OnceValues(func() (protovalidate.Validator, error) {
	return protovalidate.New(protovalidate.WithMessages(&configv1.Config{}))
})

// validate checks each field for itself: its form, then its protovalidate rules
// where the form found nothing. It reports whether cross checks make sense.
func (d *document) validate(message *configv1.Config) bool {
	d.forms("", message.ProtoReflect())
	v, err := validator()
	if err == nil {
		err = v.Validate(message)
	}
	var invalid *protovalidate.ValidationError
	switch {
	case err == nil:
	case errors.As(err, &invalid):
		for _, violation := range invalid.Violations {
			d.violation(violation)
		}
	default:
		d.addf("", "the rules cannot be checked: %v", err)
		return false
	}
	return true
}

// patterns says what texts must be whose rule is a pattern, by their path without
// places in lists.
var patterns = map[string]string{
	"models.aliases":                 "an alias is the name of a model without white space and *",
	"models.sticky.header":           "this is no name of a header",
	"providers.tls.server_name":      "this is no name of a host",
	"providers.google.project":       "this is no id of a project: write it as my-project-1",
	"providers.google.location":      "this is no region of Google Cloud: write it as us-central1, or global",
	"providers.aws.region":           "this is no region of AWS: write it as us-east-1",
	"providers.aws.role_arn":         "this is no role: write its ARN, as arn:aws:iam::123456789012:role/models",
	"providers.azure.api_version":    "this is no api-version: write it as \"2024-10-21\"",
	"providers.dialect.reasoning":    "this is no name of a member: use letters, digits and _, as reasoning",
	"providers.dialect.seed":         "this is no name of a member: use letters, digits and _, as random_seed",
	"providers.dialect.key_header":   "this is no name of a header: use small letters, digits and -, as api-key",
	"providers.dialect.models_path":  "this is no path: begin it with /, as /models",
	"models.targets.parameters.drop": "this is no name of a member: use letters, digits and _, as temperature",
	"routing.paths.path":             `this is no path prefix: write it as /openai, of letters, digits, ".", "_", "~" and "-", without a / at its end`,
}

var places = regexp.MustCompile(`\[[0-9]+\]`)

// violation reports what a protovalidate rule found, unless more is known already.
func (d *document) violation(v *protovalidate.Violation) {
	path := protovalidate.FieldPathString(v.Proto.GetField())
	parent := path[:max(0, strings.LastIndexByte(path, '.'))]
	missing := v.Proto.GetRuleId() == "required"
	switch {
	case d.has(path) || missing && d.has(parent):
	case missing:
		d.addf(path, "this key is missing or empty")
	case v.Proto.GetRuleId() == "string.min_len":
		d.addf(path, "the text is empty")
	case v.Proto.GetForKey():
		d.addf(path, "the key holds a character that is not allowed in it")
	default:
		message := v.Proto.GetMessage()
		if v.Proto.GetRuleId() == "string.pattern" {
			message = cmp.Or(patterns[places.ReplaceAllString(path, "")], message)
		}
		d.addf(path, "%s", message)
	}
}

// forms checks the texts of m and of the messages in it.
func (d *document) forms(path string, m protoreflect.Message) {
	m.Range(func(field protoreflect.FieldDescriptor, v protoreflect.Value) bool {
		at := child(path, ".", string(field.Name()))
		switch {
		case field.IsMap():
		case field.IsList():
			for i := range v.List().Len() {
				item := fmt.Sprintf("%s[%d]", at, i)
				if field.Message() != nil {
					d.forms(item, v.List().Get(i).Message())
				} else {
					d.form(item, field, v.List().Get(i))
				}
			}
		case field.Message() != nil:
			d.forms(at, v.Message())
		default:
			d.form(at, field, v)
		}
		return true
	})
}

func (d *document) form(path string, field protoreflect.FieldDescriptor, v protoreflect.Value) {
	if field.Kind() != protoreflect.StringKind || d.has(path) {
		return
	}
	if err := checkForm(rulesOf(field), v.String()); err != nil {
		d.addf(path, "%v", err)
	}
}

// crossCheck finds what concerns more than one field.
func (d *document) crossCheck(c *configv1.Config, kinds []Kind) {
	providers := d.checkProviders(c.GetProviders(), kinds)
	known := func(path, name string) {
		if name != "" && !providers[name] {
			d.addf(path, "no provider has the name %q; there are %s", name, names(c))
		}
	}
	known("routing.default_provider", c.GetRouting().GetDefaultProvider())
	for i, m := range c.GetModels() {
		d.checkModel(fmt.Sprintf("models[%d]", i), m)
		for j, t := range m.GetTargets() {
			known(fmt.Sprintf("models[%d].targets[%d].provider", i, j), t.GetProvider())
		}
	}
	d.checkNames(c.GetModels())
	for i, p := range c.GetRouting().GetPaths() {
		known(fmt.Sprintf("routing.paths[%d].provider", i), p.GetProvider())
	}
	d.checkPaths(c, providers)
	d.checkAuth(c)
}

func (d *document) checkProviders(list []*configv1.Provider, kinds []Kind) map[string]bool {
	known := map[string]bool{Sandbox: true}
	first := make(map[string]int)
	for i, p := range list {
		at := fmt.Sprintf("providers[%d]", i)
		if j, twice := first[p.GetName()]; twice && p.GetName() != "" {
			d.addf(at+".name", "the name %q stands here for the second time, first at providers[%d]", p.GetName(), j)
		} else {
			first[p.GetName()] = i
		}
		known[p.GetName()] = true
		if p.GetName() == Sandbox && p.GetKind() != Sandbox {
			d.addf(at+".name", "%q is the name of the built-in provider: choose another one for a provider of the kind %q", Sandbox, p.GetKind())
		}
		if kinds != nil && p.GetKind() != "" && !slices.ContainsFunc(kinds, func(k Kind) bool { return k.Name == p.GetKind() }) {
			d.addf(at+".kind", "there is no adapter %q; there are %s", p.GetKind(), kindNames(kinds))
		}
		if i := slices.IndexFunc(kinds, func(k Kind) bool { return k.Name == p.GetKind() && k.Retired != "" }); i >= 0 && p.GetBaseUrl() == "" {
			d.warn(at+".kind", fmt.Sprintf("the company does not serve %s since %s", p.GetKind(), kinds[i].Retired))
		}
		d.checkCloud(at, p, kinds)
		d.checkKeyNames(at, p)
		d.checkHeaderNames(at+".headers", p.GetHeaders())
	}
	return known
}

// checkKeyNames refuses two keys of one name: status and receipts could not tell them
// apart.
func (d *document) checkKeyNames(path string, p *configv1.Provider) {
	first := make(map[string]string)
	for i := range len(p.GetApiKeys()) + len(p.GetKeys()) {
		at := fmt.Sprintf("api_keys[%d]", i)
		if j := i - len(p.GetApiKeys()); j >= 0 {
			at = fmt.Sprintf("keys[%d].name", j)
		}
		name := keyName(p, i)
		if where, twice := first[name]; twice {
			d.addf(path+"."+at, "the name %q stands here for the second time, first at %s", name, where)
			continue
		}
		first[name] = at
	}
}

// checkHeaderNames refuses names that differ in their letters' case alone.
func (d *document) checkHeaderNames(path string, headers map[string]string) {
	first := make(map[string]string)
	for _, name := range slices.Sorted(maps.Keys(headers)) {
		lower := strings.ToLower(name)
		if other, twice := first[lower]; twice {
			d.addf(child(path, "[", name), "the header stands here for the second time: %q is the same to HTTP", other)
			continue
		}
		first[lower] = name
	}
}

func (d *document) checkAuth(c *configv1.Config) {
	switch auth := c.GetAuth(); {
	case auth.GetMode() == "keys":
		d.addf("auth.mode", "keys is not available yet: Sluice would not check who calls; set auth.mode: none")
	case auth.GetMode() == "none" && !auth.GetInsecure():
		d.refuseOpen("listen.http", c.GetListen().GetHttp())
		d.refuseOpen("listen.grpc", c.GetListen().GetGrpc())
	}
	const admin = "listen.admin"
	address := c.GetListen().GetAdmin()
	if !d.has(admin) && address != off && reachable(address) && c.GetListen().GetAdminToken() == "" && !c.GetAuth().GetInsecure() {
		d.addf(admin, "other machines can reach %s and listen.admin_token is not set, so that everybody there could read status and profiles: "+
			"set it, listen on 127.0.0.1, or set auth.insecure: true (or --insecure) when something in front decides who may ask", address)
	}
}

func (d *document) refuseOpen(path, address string) {
	if !d.has(path) && reachable(address) {
		d.addf(path, "other machines can reach %s and auth.mode is none, so that everybody there could spend your providers' keys: "+
			"listen on 127.0.0.1, or set auth.insecure: true (or --insecure) when something in front decides who may call, as in a container", address)
	}
}

func names(c *configv1.Config) string {
	list := []string{Sandbox}
	for _, p := range c.GetProviders() {
		if n := p.GetName(); n != "" && !slices.Contains(list, n) {
			list = append(list, n)
		}
	}
	return strings.Join(list, ", ")
}

func kindNames(kinds []Kind) string {
	list := make([]string, len(kinds))
	for i, k := range kinds {
		list[i] = k.Name
	}
	return strings.Join(list, ", ")
}
