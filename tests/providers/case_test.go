package providers_test

import (
	"encoding/base64"
	"strings"
)

// chatCase is a request that is made to every provider through every door.
type chatCase struct {
	// name is the column of the table.
	name string
	// body are the members of the request beside the model.
	body string
	want wanted
}

// wanted is the answer, the same from everybody who does not refuse.
type wanted struct {
	text   string
	calls  []calledTool
	finish string
	// thought is wanted from those who tell thoughts.
	thought bool
	choices int
	spoken  bool
}

const (
	thoughtText = "The user wants something, and I know what."

	weatherTool = `"tools":[{"type":"function","function":{"name":"get_weather","description":"Weather of a city.","parameters":` + weatherSchema + `}}]`
	bothCities  = `"Weather in Paris and Rome?"`
	user        = `{"role":"user","content":`
	loop        = `"messages":[` + user + bothCities + `},{"role":"assistant","content":null,"tool_calls":[` +
		`{"id":"call_a","type":"function","function":{"name":"get_weather","arguments":"{\"city\":\"Paris\"}"}},` +
		`{"id":"call_b","type":"function","function":{"name":"get_weather","arguments":"{\"city\":\"Rome\"}"}}]},`
)

var (
	calledParis = calledTool{"get_weather", `{"city":"Paris"}`}
	calledRome  = calledTool{"get_weather", `{"city":"Rome"}`}
	pdf         = "%PDF-1.7 not really"
	sound       = "RIFF not really"
)

func dataURL(media, data string) string {
	return "data:" + media + ";base64," + base64.StdEncoding.EncodeToString([]byte(data))
}

func says(text string) wanted { return wanted{text: text, finish: "stop", choices: 1} }

func asks(question string) string { return `"messages":[` + user + question + `}]` }

// cases is the corpus of chats.
var cases = []chatCase{
	{"plain", asks(`"Grüß dich! \"<&>\" 😀"`), says(`You said: Grüß dich! "<&>" 😀`)},
	{"multi-turn", `"messages":[` + user + `"Hi"},{"role":"assistant","content":"Hello!"},` + user + `"How many turns?"}]`, says("This is turn 3.")},
	{"parts of text", asks(`[{"type":"text","text":"one"},{"type":"text","text":"two"}]`), says("You said: one two")},
	{"system", `"messages":[{"role":"system","content":"Be brief."},` + user + `"Which instructions do you have?"}]`, says("Mine are: Be brief.")},
	{"developer", `"messages":[{"role":"developer","content":"Be brief."},` + user + `"Which instructions do you have?"}]`, says("Mine are: Be brief.")},
	{"instructions in odd places", `"messages":[{"role":"system","content":"Be brief."},` + user + `"Hi"},{"role":"assistant","content":"Hello!"},` +
		`{"role":"developer","content":[{"type":"text","text":"Be kind."}]},` + user + `"Which instructions do you have?"}]`, says("Mine are: Be brief. | Be kind.")},
	{"instructions at the end", `"messages":[` + user + `"Which instructions do you have?"},{"role":"system","content":"Be brief."}]`, says("Mine are: Be brief.")},
	{"max_tokens", `"max_tokens":3,` + asks(`"long"`), wanted{text: "and so on", finish: "length", choices: 1}},
	{"max_completion_tokens", `"max_completion_tokens":3,` + asks(`"long"`), wanted{text: "and so on", finish: "length", choices: 1}},
	{"stop text", `"stop":"two",` + asks(`"one two three"`), wanted{text: "You said: one ", finish: "stop", choices: 1}},
	{"stop list", `"stop":["ten","eleven","two","twelve"],` + asks(`"one two three"`), wanted{text: "You said: one ", finish: "stop", choices: 1}},
	{"temperature", `"temperature":0.5,` + asks(`"Which settings do you have?"`), says("Mine are: temperature=0.5")},
	{"top_p", `"top_p":0.875,` + asks(`"Which settings do you have?"`), says("Mine are: top_p=0.875")},
	{
		"penalties", `"frequency_penalty":0.5,"presence_penalty":0.25,` + asks(`"Which settings do you have?"`),
		says("Mine are: frequency_penalty=0.5 presence_penalty=0.25"),
	},
	{"seed", `"seed":7,` + asks(`"Which settings do you have?"`), says("Mine are: seed=7")},
	{"logit_bias", `"logit_bias":{"50256":-100},` + asks(`"Which settings do you have?"`), says(`Mine are: logit_bias={"50256":-100}`)},
	{"n", `"n":2,` + asks(`"Hi"`), wanted{text: "You said: Hi", finish: "stop", choices: 2}},
	{"tool", weatherTool + `,` + asks(`"Weather in Paris?"`), wanted{calls: []calledTool{calledParis}, finish: "tool_calls", choices: 1}},
	{"parallel tools", weatherTool + `,` + asks(bothCities), wanted{calls: []calledTool{calledParis, calledRome}, finish: "tool_calls", choices: 1}},
	{"no parallel tools", weatherTool + `,"parallel_tool_calls":false,` + asks(bothCities), wanted{calls: []calledTool{calledParis}, finish: "tool_calls", choices: 1}},
	{"tool_choice none", weatherTool + `,"tool_choice":"none",` + asks(`"Weather in Paris?"`), says("You said: Weather in Paris?")},
	{"tool_choice required", weatherTool + `,"tool_choice":"required",` + asks(`"Weather in Paris?"`), wanted{calls: []calledTool{calledParis}, finish: "tool_calls", choices: 1}},
	{
		"tool_choice by name", weatherTool + `,"tool_choice":{"type":"function","function":{"name":"get_weather"}},` + asks(`"Weather in Paris?"`),
		wanted{calls: []calledTool{calledParis}, finish: "tool_calls", choices: 1},
	},
	{"tool results", weatherTool + `,` + loop + `{"role":"tool","tool_call_id":"call_a","content":"Paris: sunny"},` +
		`{"role":"tool","tool_call_id":"call_b","content":[{"type":"text","text":"Rome: rain"}]}]`, says("Paris: sunny. Rome: rain.")},
	{
		"image", asks(`[{"type":"text","text":"What is it?"},{"type":"image_url","image_url":{"url":"` + dataURL("image/png", pixel) + `"}}]`),
		says("I see the image of 18 bytes (image/png)"),
	},
	{
		"image by URL", asks(`[{"type":"text","text":"What is it?"},{"type":"image_url","image_url":{"url":"https://example.com/a.png"}}]`),
		says("I see the image at https://example.com/a.png"),
	},
	{
		"image detail", asks(`[{"type":"text","text":"What is it?"},{"type":"image_url","image_url":{"url":"` + dataURL("image/png", pixel) + `","detail":"high"}}]`),
		says("I see the image of 18 bytes (image/png)"),
	},
	{
		"PDF", asks(`[{"type":"text","text":"What is it?"},{"type":"file","file":{"filename":"a.pdf","file_data":"` + dataURL("application/pdf", pdf) + `"}}]`),
		says("I see the document of 19 bytes (application/pdf)"),
	},
	{"sound", asks(`[{"type":"text","text":"What is it?"},{"type":"input_audio","input_audio":{"format":"wav","data":"` +
		base64.StdEncoding.EncodeToString([]byte(sound)) + `"}}]`), says("I see the sound of 15 bytes (audio/wav)")},
	{"speech", `"modalities":["text","audio"],"audio":{"voice":"Kore","format":"pcm16"},` + asks(`"Hi"`), wanted{finish: "stop", choices: 1, spoken: true}},
	{"JSON", `"response_format":{"type":"json_object"},` + asks(`"Say JSON"`), says(`{"said":"Say JSON"}`)},
	{
		"JSON Schema", `"response_format":{"type":"json_schema","json_schema":{"name":"place","strict":true,"schema":` + weatherSchema + `}},` + asks(`"Where?"`),
		says(`{"city":"Paris"}`),
	},
	{"reasoning", `"reasoning_effort":"low",` + asks(`"Hi"`), wanted{text: "You said: Hi", finish: "stop", choices: 1, thought: true}},
	{"bookkeeping", `"user":"u1","store":false,"service_tier":"auto","n":1,"logprobs":false,"frequency_penalty":0,` + asks(`"Hi"`), says("You said: Hi")},
	{"logprobs", `"logprobs":true,"top_logprobs":2,` + asks(`"Hi"`), says("You said: Hi")},
	{"search", `"web_search_options":{},` + asks(`"Hi"`), says("You said: Hi")},
}

// request is the body for a model.
func (c chatCase) request(model string) []byte {
	return []byte(`{"model":"` + model + `",` + strings.TrimSpace(c.body) + `}`)
}
