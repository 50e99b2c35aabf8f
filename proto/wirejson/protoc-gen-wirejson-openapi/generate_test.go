package main

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"google.golang.org/protobuf/compiler/protogen"
	"google.golang.org/protobuf/encoding/prototext"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/descriptorpb"
	"google.golang.org/protobuf/types/pluginpb"

	sluicev1 "github.com/sluice-ai/sluice/gen/go/sluice/v1"
)

var update = flag.Bool("update", false, "write the golden files anew")

// small is testdata/small.proto.txt as a plugin receives it, after change.
func small(t *testing.T, change func(*descriptorpb.FileDescriptorProto)) *protogen.Plugin {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", "small.txtpb"))
	if err != nil {
		t.Fatal(err)
	}
	set := new(descriptorpb.FileDescriptorSet)
	if err := prototext.Unmarshal(text, set); err != nil {
		t.Fatal(err)
	}
	if change != nil {
		change(set.GetFile()[0])
	}
	request := &pluginpb.CodeGeneratorRequest{FileToGenerate: []string{
		set.GetFile()[0].GetName(), sluicev1.File_sluice_v1_error_proto.Path(),
	}}
	added := map[string]bool{}
	var add func(file protoreflect.FileDescriptor)
	add = func(file protoreflect.FileDescriptor) {
		if added[file.Path()] {
			return
		}
		added[file.Path()] = true
		for i := range file.Imports().Len() {
			add(file.Imports().Get(i).FileDescriptor)
		}
		request.ProtoFile = append(request.ProtoFile, protodesc.ToFileDescriptorProto(file))
	}
	add(sluicev1.File_sluice_v1_error_proto)
	for _, name := range set.GetFile()[0].GetDependency() {
		file, err := protoregistry.GlobalFiles.FindFileByPath(name)
		if err != nil {
			t.Fatal(err)
		}
		add(file)
	}
	request.ProtoFile = append(request.ProtoFile, set.GetFile()...)
	// As over the plugin's standard input: options become the registered types.
	wire, err := proto.Marshal(request)
	if err != nil {
		t.Fatal(err)
	}
	received := new(pluginpb.CodeGeneratorRequest)
	if err := proto.Unmarshal(wire, received); err != nil {
		t.Fatal(err)
	}
	plugin, err := protogen.Options{}.New(received)
	if err != nil {
		t.Fatal(err)
	}
	return plugin
}

func TestGenerate_writes_the_golden_document(t *testing.T) {
	plugin := small(t, nil)
	if err := generate(plugin); err != nil {
		t.Fatal(err)
	}
	response := plugin.Response()
	if response.Error != nil {
		t.Fatal(response.GetError())
	}
	files := map[string]string{}
	for _, file := range response.GetFile() {
		files[file.GetName()] = file.GetContent()
	}
	if len(files) != 2 || !strings.Contains(files["openapi.go"], "//go:embed openapi.json") {
		t.Errorf("files: %d, openapi.go:\n%s", len(files), files["openapi.go"])
	}
	golden := filepath.Join("testdata", "small.golden.json")
	if *update {
		if err := os.WriteFile(golden, []byte(files["openapi.json"]), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if files["openapi.json"] != string(want) {
		t.Errorf("%s differs; -update writes it anew. Got:\n%s", golden, files["openapi.json"])
	}
}

func TestGenerate_gives_the_same_bytes_every_time(t *testing.T) {
	var first []byte
	for range 20 {
		doc, err := document(small(t, nil))
		if err != nil {
			t.Fatal(err)
		}
		text, err := render(doc)
		if err != nil {
			t.Fatal(err)
		}
		if first == nil {
			first = text
		} else if !bytes.Equal(first, text) {
			t.Fatal("two runs differ")
		}
	}
}

func TestGenerate_refuses_what_it_cannot_say(t *testing.T) {
	service := func(f *descriptorpb.FileDescriptorProto) *descriptorpb.ServiceDescriptorProto {
		return f.GetService()[0]
	}
	note := func(f *descriptorpb.FileDescriptorProto) *descriptorpb.DescriptorProto { return f.GetMessageType()[1] }
	for _, c := range []struct {
		name   string
		change func(*descriptorpb.FileDescriptorProto)
		want   string
	}{
		{"a stream of no method", func(f *descriptorpb.FileDescriptorProto) { service(f).GetMethod()[0].Name = proto.String("WriteNote") }, `sse_of names "CreateNote"`},
		{"a path without its field", func(f *descriptorpb.FileDescriptorProto) {
			f.GetMessageType()[0].GetField()[0].Name = proto.String("rack")
		}, `path variable "shelf"`},
		{"plain bytes", func(f *descriptorpb.FileDescriptorProto) {
			note(f).GetField()[0].Type = descriptorpb.FieldDescriptorProto_TYPE_BYTES.Enum()
		}, "small.v1.Note.title"},
		{"an alternative without the discriminator", func(f *descriptorpb.FileDescriptorProto) {
			f.GetMessageType()[5].Options = nil
		}, `no constant "kind"`},
		{"two methods behind one path", func(f *descriptorpb.FileDescriptorProto) {
			again := proto.CloneOf(service(f).GetMethod()[0])
			again.Name = proto.String("CopyNote")
			service(f).Method = append(service(f).GetMethod(), again)
		}, "post /v1/notes is already"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := document(small(t, c.change))
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %v, want one with %q", err, c.want)
			}
		})
	}
}

func TestReasonHasStatus(t *testing.T) {
	for _, c := range []struct {
		text string
		code int
		want bool
	}{
		{"The request is malformed. HTTP 400.", 400, true},
		{"The request is malformed. HTTP 400.", 401, false},
		{"The provider says so. HTTP 503, 529.", 529, true},
		{"It failed. HTTP 500 to 599, else 502.", 504, true},
		{"It failed. HTTP 500 to 599, else 502.", 499, false},
		{"At most 400 of them.", 400, false},
	} {
		if got := reasonHasStatus(c.text, c.code); got != c.want {
			t.Errorf("%q, %d: %v", c.text, c.code, got)
		}
	}
}
