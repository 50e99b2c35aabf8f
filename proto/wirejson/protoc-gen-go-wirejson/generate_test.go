package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"google.golang.org/protobuf/cmd/protoc-gen-go/internal_gengo"
	"google.golang.org/protobuf/compiler/protogen"
	"google.golang.org/protobuf/encoding/prototext"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/types/descriptorpb"
	"google.golang.org/protobuf/types/pluginpb"

	wirejsonpb "github.com/sluice-ai/sluice/gen/go/wirejson"
)

var update = flag.Bool("update", false, "write the golden file")

const golden = "testdata/kinds_wirejson.pb.go.golden"

// kinds is testdata/kinds.txtpb and a message of more members than a word has bits.
func kinds(t *testing.T) *descriptorpb.FileDescriptorProto {
	t.Helper()
	text, err := os.ReadFile("testdata/kinds.txtpb")
	if err != nil {
		t.Fatal(err)
	}
	file := new(descriptorpb.FileDescriptorProto)
	if err := prototext.Unmarshal(text, file); err != nil {
		t.Fatal(err)
	}
	return file
}

// wide adds a message with n required integers m0, m1, ... and a rest.
func wide(file *descriptorpb.FileDescriptorProto, n int) {
	m := &descriptorpb.DescriptorProto{Name: proto.String("Wide")}
	rest := &descriptorpb.FieldOptions{}
	proto.SetExtension(rest, wirejsonpb.E_Field, &wirejsonpb.FieldRules{Rest: true})
	for i := range n {
		m.Field = append(m.Field, &descriptorpb.FieldDescriptorProto{
			Name: proto.String(fmt.Sprintf("m%d", i)), Number: proto.Int32(int32(i + 1)),
			Label: descriptorpb.FieldDescriptorProto_LABEL_OPTIONAL.Enum(), Type: descriptorpb.FieldDescriptorProto_TYPE_INT64.Enum(),
		})
	}
	m.Field = append(m.Field, &descriptorpb.FieldDescriptorProto{
		Name: proto.String("rest"), Number: proto.Int32(int32(n + 1)), Options: rest,
		Label: descriptorpb.FieldDescriptorProto_LABEL_OPTIONAL.Enum(), Type: descriptorpb.FieldDescriptorProto_TYPE_BYTES.Enum(),
	})
	file.MessageType = append(file.MessageType, m)
}

func plugin(t *testing.T, file *descriptorpb.FileDescriptorProto) *protogen.Plugin {
	t.Helper()
	// Through bytes, as from buf: options arrive as extensions of their own types.
	request := &pluginpb.CodeGeneratorRequest{
		FileToGenerate: []string{file.GetName()},
		Parameter:      proto.String("paths=source_relative"),
		ProtoFile: []*descriptorpb.FileDescriptorProto{
			protodesc.ToFileDescriptorProto(descriptorpb.File_google_protobuf_descriptor_proto),
			protodesc.ToFileDescriptorProto(wirejsonpb.File_wirejson_options_proto), file,
		},
	}
	data, err := proto.Marshal(request)
	if err != nil {
		t.Fatal(err)
	}
	request = new(pluginpb.CodeGeneratorRequest)
	if err := proto.Unmarshal(data, request); err != nil {
		t.Fatal(err)
	}
	p, err := protogen.Options{}.New(request)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func generated(t *testing.T, p *protogen.Plugin) map[string]string {
	t.Helper()
	response := p.Response()
	if response.Error != nil {
		t.Fatal(response.GetError())
	}
	files := map[string]string{}
	for _, f := range response.File {
		files[f.GetName()] = f.GetContent()
	}
	return files
}

func TestGenerate_output_is_the_golden_one(t *testing.T) {
	p := plugin(t, kinds(t))
	if err := generate(p); err != nil {
		t.Fatal(err)
	}
	got := generated(t, p)["kinds_wirejson.pb.go"]
	if *update {
		if err := os.WriteFile(golden, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Error("the generated code differs from " + golden + "; look at the difference after -update")
	}
}

// The generated code is compiled, as if it stood in testdata/kinds, and run.
func TestGenerated_code_keeps_documents(t *testing.T) {
	numbers := func(skip int) string {
		var members []string
		for i := range 70 {
			if i != skip {
				members = append(members, fmt.Sprintf(`"m%d":%d`, i, i))
			}
		}
		return "{" + strings.Join(members, ",") + "}"
	}
	cases := []struct{ in, want string }{
		{`All strict {"color":"RED","mood":"COLOR_UNSPECIFIED","small":4294967295,"large":18446744073709551615,"flags":[true,false],"ids":[1],"inner":null}`, `same`},
		{`All strict {"color":"BLUE","small":4294967296,"large":-1,"ids":[],"inner":null}`, `{"ids":[],"inner":null,"color":"BLUE","small":4294967296,"large":-1}`},
		{`All strict {"color":1}`, `error: color: expected a string, got a number (byte 9)`},
		{`All strict {}`, `{}`},
		{`All strict {"color":"RED","ids":[],"left":"x","inner":null}`, `same`},
		{`All strict {"color":"RED","ids":[],"left":"x","right":{"text":"y"},"inner":null}`, `check: rest.right: member that belongs into its field`},
		{`All lenient {"color":"RED","ids":[],"left":"x","right":{"text":"y"},"inner":null}`, `{"color":"RED","ids":[],"left":"x","inner":null,"right":{"text":"y"}}`},
		{`All strict {"color":"RED","ids":[],"right":{"text":"y"},"inner":{"text":"z","list":["a"]}}`, `same`},
		{`All strict {"color":"RED","ids":[],"right":null,"inner":null}`, `{"color":"RED","ids":[],"inner":null,"right":null}`},
		{`All strict {"color":"RED","ids":[],"inner":{"text":null,"list":null,"x":1}}`, `{"color":"RED","ids":[],"inner":{"text":""}}`},
		{`All strict {"color":"RED","ids":[],"inner":{"text":"t","list":[1]}}`, `error: inner.list[0]: expected a string, got a number (byte 52)`},
		{`All lenient {"color":"RED","ids":[],"inner":{"text":"t","list":[1]}}`, `same`},
		{`All strict {"color":"RED","ids":[],"inner":null,"extras":{"b":[1.0, 2],"a":null},"counts":{"x":1}}`,
			`{"color":"RED","ids":[],"inner":null,"extras":{"a":null,"b":[1.0, 2]},"counts":{"x":1}}`},
		{`All strict {"color":"RED","ids":[],"inner":null,"counts":{"x":1.5}}`, `same`},
		{`All strict {"color":"RED","ids":[1.5],"inner":null}`, `{"color":"RED","inner":null,"ids":[1.5]}`},
		{`All strict {"color":"RED","ids":[],"inner":null,"node":{"next":{"next":{"x":1}},"children":[{},{"any":[{"any":{"any":1.5}}]}],"any":false}}`, `same`},
		{`Node strict {"any":null}`, `same`},
		{`Node strict {"any":0.12345678901234567890}`, `same`},
		{`Any strict null`, `check: no alternative is set`},
		{`Any strict "text"`, `same`},
		{`Any strict []`, `same`},
		{`Any strict 0.12345678901234567890`, `error: number that its field cannot hold exactly (byte 0)`},
		{`Any strict [1]`, `error: [0]: expected an object, got a number (byte 1)`},
		{`Nodes lenient [{},null]`, `error: [1]: expected an object, got null (byte 4)`},
		{`Wide strict ` + numbers(-1), `same`},
		{`Wide strict ` + numbers(3), `same`},
		{`Wide strict ` + numbers(67), `same`},
		{`Wide strict {"m69":0,"m69":0}`, `error: m69: duplicate member (byte 9)`},
	}
	file := kinds(t)
	wide(file, 70)
	p := plugin(t, file)
	if err := generate(p); err != nil {
		t.Fatal(err)
	}
	internal_gengo.GenerateFile(p, p.FilesByPath[file.GetName()])
	overlay := map[string]map[string]string{"Replace": {}}
	dir, err := filepath.Abs("testdata/kinds")
	if err != nil {
		t.Fatal(err)
	}
	tmp := t.TempDir()
	for name, content := range generated(t, p) {
		if err := os.WriteFile(filepath.Join(tmp, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		overlay["Replace"][filepath.Join(dir, name)] = filepath.Join(tmp, name)
	}
	list, err := json.Marshal(overlay)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(tmp, "overlay.json"), list, 0o600); err != nil {
		t.Fatal(err)
	}
	var in strings.Builder
	for _, c := range cases {
		in.WriteString(c.in + "\n")
	}
	command := exec.CommandContext(t.Context(), "go", "run", "-overlay", filepath.Join(tmp, "overlay.json"), "./testdata/roundtrip")
	command.Stdin = strings.NewReader(in.String())
	command.Stderr = os.Stderr
	out, err := command.Output()
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSuffix(string(out), "\n"), "\n")
	if len(lines) != len(cases) {
		t.Fatalf("%d lines for %d cases:\n%s", len(lines), len(cases), out)
	}
	for i, c := range cases {
		want := c.want
		if want == "same" {
			_, want, _ = strings.Cut(c.in, "t ")
		}
		if lines[i] != want {
			t.Errorf("%s\n got %s\nwant %s", c.in, lines[i], want)
		}
	}
}

func TestGenerate_refuses_what_has_no_meaning(t *testing.T) {
	cases := []struct {
		name   string
		change func(*descriptorpb.FileDescriptorProto)
		want   string
	}{
		{"bytes without raw", func(f *descriptorpb.FileDescriptorProto) {
			f.MessageType[1].Field[0].Type = descriptorpb.FieldDescriptorProto_TYPE_BYTES.Enum()
		},
			"kinds.Plain: field text: type bytes has no place in JSON here"},
		{"a float", func(f *descriptorpb.FileDescriptorProto) {
			f.MessageType[1].Field[0].Type = descriptorpb.FieldDescriptorProto_TYPE_FLOAT.Enum()
		},
			"kinds.Plain: field text: type float has no place in JSON here"},
		{"a bare message of two fields", func(f *descriptorpb.FileDescriptorProto) {
			proto.SetExtension(options(f.MessageType[1]), wirejsonpb.E_Message, &wirejsonpb.MessageRules{Bare: true})
		}, "kinds.Plain: a bare message has one repeated field or one union"},
		{"a constant that is a field too", func(f *descriptorpb.FileDescriptorProto) {
			proto.SetExtension(options(f.MessageType[1]), wirejsonpb.E_Message, &wirejsonpb.MessageRules{Constant: &wirejsonpb.Constant{Name: "text", Value: "x"}})
		}, `kinds.Plain: two members are named "text"`},
		{"a nullable without presence", func(f *descriptorpb.FileDescriptorProto) {
			f.MessageType[1].Field[0].Options = fieldOptions(&wirejsonpb.FieldRules{Nullable: true})
		}, "kinds.Plain: field text: nullable needs presence"},
		{"a required scalar", func(f *descriptorpb.FileDescriptorProto) {
			f.MessageType[1].Field[0].Options = fieldOptions(&wirejsonpb.FieldRules{Required: true})
		}, "kinds.Plain: field text: required is for lists and maps"},
		{"two alternatives of one kind", func(f *descriptorpb.FileDescriptorProto) {
			f.MessageType[3].Field[2].Type = descriptorpb.FieldDescriptorProto_TYPE_STRING.Enum()
		}, "kinds.Any: oneof value: alternative flag: its JSON kind does not tell it apart"},
		{"objects without a constant", func(f *descriptorpb.FileDescriptorProto) {
			o := new(descriptorpb.OneofOptions)
			proto.SetExtension(o, wirejsonpb.E_Union, &wirejsonpb.UnionRules{Discriminator: "type"})
			f.MessageType[3].OneofDecl[0].Options = o
		}, `kinds.Any: oneof value: alternative node has no constant "type"`},
		{"several objects without a discriminator", func(f *descriptorpb.FileDescriptorProto) {
			f.MessageType[3].Field[3].TypeName = proto.String(".kinds.Plain")
		}, "kinds.Any: oneof value: several objects need a discriminator"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			file := kinds(t)
			c.change(file)
			if err := generate(plugin(t, file)); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v", err)
			}
		})
	}
}

func options(m *descriptorpb.DescriptorProto) *descriptorpb.MessageOptions {
	if m.Options == nil {
		m.Options = new(descriptorpb.MessageOptions)
	}
	return m.Options
}

func fieldOptions(rules *wirejsonpb.FieldRules) *descriptorpb.FieldOptions {
	o := new(descriptorpb.FieldOptions)
	proto.SetExtension(o, wirejsonpb.E_Field, rules)
	return o
}
