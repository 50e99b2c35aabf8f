package providers_test

import (
	"testing"

	"github.com/sluice-ai/sluice/tests/harness"
)

// oddities are requests that OpenAI's API takes and that other dialects have trouble with.
// Every provider answers them, or Sluice refuses them and names the member: the provider
// itself never has to.
var oddities = []chatCase{
	{"two turns of the user in a row", `"messages":[` + user + `"Hi"},` + user + `"Hello"}]`, wanted{}},
	{"an empty turn of the assistant", `"messages":[` + user + `"Hi"},{"role":"assistant","content":""},` + user + `"Hello"}]`, wanted{}},
	{"an empty turn of the user", `"messages":[` + user + `""},` + user + `"Hello"}]`, wanted{}},
	{"the assistant begins", `"messages":[{"role":"assistant","content":"Hello, I am here."},` + user + `"Hi"}]`, wanted{}},
	{"instructions alone", `"messages":[{"role":"system","content":"Say hello."}]`, wanted{}},
	{"empty instructions", `"messages":[{"role":"system","content":""},` + user + `"Hi"}]`, wanted{}},
	{"a blank stop", `"stop":["\n"],` + asks(`"Hi"`), wanted{}},
	{"an empty stop list", `"stop":[],` + asks(`"Hi"`), wanted{}},
	{"a high temperature", `"temperature":1.5,` + asks(`"Hi"`), wanted{}},
	{"temperature and top_p", `"temperature":0.5,"top_p":0.9,` + asks(`"Hi"`), wanted{}},
	{"a tool without parameters", `"tools":[{"type":"function","function":{"name":"now"}}],` + asks(`"What time is it?"`), wanted{}},
	{"a tool with empty parameters", `"tools":[{"type":"function","function":{"name":"now","parameters":{}}}],` + asks(`"What time is it?"`), wanted{}},
	{"a strict tool", `"tools":[{"type":"function","function":{"name":"get_weather","strict":true,"parameters":` + weatherSchema + `}}],` + asks(`"Weather?"`), wanted{}},
	{"an empty list of tools", `"tools":[],` + asks(`"Hi"`), wanted{}},
	{"calls beside a text", weatherTool + `,"messages":[` + user + `"Weather?"},{"role":"assistant","content":"Let me look.","tool_calls":[` +
		`{"id":"a","type":"function","function":{"name":"get_weather","arguments":"{\"city\":\"Paris\"}"}}]},{"role":"tool","tool_call_id":"a","content":"Paris: sunny"}]`, wanted{}},
	{"calls beside an empty text", weatherTool + `,"messages":[` + user + `"Weather?"},{"role":"assistant","content":"","tool_calls":[` +
		`{"id":"a","type":"function","function":{"name":"get_weather","arguments":"{\"city\":\"Paris\"}"}}]},{"role":"tool","tool_call_id":"a","content":"Paris: sunny"}]`, wanted{}},
	{"arguments that are empty", `"tools":[{"type":"function","function":{"name":"now"}}],"messages":[` + user + `"Time?"},{"role":"assistant","tool_calls":[` +
		`{"id":"a","type":"function","function":{"name":"now","arguments":""}}]},{"role":"tool","tool_call_id":"a","content":"noon"}]`, wanted{}},
	{"arguments that are no JSON", weatherTool + `,"messages":[` + user + `"Weather?"},{"role":"assistant","content":null,"tool_calls":[` +
		`{"id":"a","type":"function","function":{"name":"get_weather","arguments":"{\"city\": Par"}}]},{"role":"tool","tool_call_id":"a","content":"error: no JSON"}]`, wanted{}},
	{"an empty result", weatherTool + `,"messages":[` + user + `"Weather?"},{"role":"assistant","content":null,"tool_calls":[` +
		`{"id":"a","type":"function","function":{"name":"get_weather","arguments":"{}"}}]},{"role":"tool","tool_call_id":"a","content":""}]`, wanted{}},
	{"a result that is JSON", weatherTool + `,"messages":[` + user + `"Weather?"},{"role":"assistant","content":null,"tool_calls":[` +
		`{"id":"a","type":"function","function":{"name":"get_weather","arguments":"{}"}}]},{"role":"tool","tool_call_id":"a","content":"[1,{\"a\":null}]"}]`, wanted{}},
	{"results in another order", weatherTool + `,` + loop + `{"role":"tool","tool_call_id":"call_b","content":"Rome: rain"},{"role":"tool","tool_call_id":"call_a","content":"Paris: sunny"}]`, wanted{}},
	{"a text behind the results", weatherTool + `,` + loop + `{"role":"tool","tool_call_id":"call_a","content":"Paris: sunny"},{"role":"tool","tool_call_id":"call_b","content":"Rome: rain"},` +
		user + `"And in short?"}]`, wanted{}},
	{"results without tools", loop + `{"role":"tool","tool_call_id":"call_a","content":"Paris: sunny"},{"role":"tool","tool_call_id":"call_b","content":"Rome: rain"},` +
		`{"role":"assistant","content":"Sunny and rain."},` + user + `"Thanks"}]`, wanted{}},
	{"results, and no call is wanted", weatherTool + `,"tool_choice":"none",` + loop + `{"role":"tool","tool_call_id":"call_a","content":"Paris: sunny"},` +
		`{"role":"tool","tool_call_id":"call_b","content":"Rome: rain"}]`, wanted{}},
	{"an id that others would not write", weatherTool + `,"messages":[` + user + `"Weather?"},{"role":"assistant","content":null,"tool_calls":[` +
		`{"id":"call:1/β","type":"function","function":{"name":"get_weather","arguments":"{}"}}]},{"role":"tool","tool_call_id":"call:1/β","content":"sunny"}]`, wanted{}},
	{"reasoning and a forced call", weatherTool + `,"tool_choice":"required","reasoning_effort":"high",` + asks(`"Weather?"`), wanted{}},
	{"reasoning, few tokens", `"reasoning_effort":"high","max_completion_tokens":200,` + asks(`"Hi"`), wanted{}},
	{"reasoning and a temperature", `"reasoning_effort":"low","temperature":0.2,` + asks(`"Hi"`), wanted{}},
	{"reasoning, not at all", `"reasoning_effort":"none",` + asks(`"Hi"`), wanted{}},
	{thoughtless, weatherTool + `,"reasoning_effort":"low",` + loop + `{"role":"tool","tool_call_id":"call_a","content":"Paris: sunny"},` +
		`{"role":"tool","tool_call_id":"call_b","content":"Rome: rain"}]`, wanted{}},
	{"a PDF without a word", asks(`[{"type":"file","file":{"filename":"a.pdf","file_data":"` + dataURL("application/pdf", pdf) + `"}}]`), wanted{}},
	{"a PDF with an odd name", asks(`[{"type":"text","text":"What?"},{"type":"file","file":{"filename":"Bericht_2026 (ü).v2.pdf","file_data":"` + dataURL("application/pdf", pdf) + `"}}]`), wanted{}},
	{"two PDFs of one name", asks(`[{"type":"text","text":"What?"},{"type":"file","file":{"filename":"a.pdf","file_data":"` + dataURL("application/pdf", pdf) + `"}},` +
		`{"type":"file","file":{"filename":"a.pdf","file_data":"` + dataURL("application/pdf", pdf) + `"}}]`), wanted{}},
	{"a schema that allows more", `"response_format":{"type":"json_schema","json_schema":{"name":"place","schema":{"type":"object","properties":{"city":{"type":"string"}}}}},` + asks(`"Where?"`), wanted{}},
	{"a name of the user", `"messages":[{"role":"user","name":"ann","content":"Hi"}]`, wanted{}},
	{"a refusal before", `"messages":[` + user + `"Hi"},{"role":"assistant","content":null,"refusal":"I cannot."},` + user + `"Hello"}]`, wanted{}},
	{"functions of old", `"functions":[{"name":"get_weather","parameters":` + weatherSchema + `}],"function_call":"auto",` + asks(`"Weather?"`), wanted{}},
	{"a function's result of old", `"functions":[{"name":"get_weather","parameters":` + weatherSchema + `}],"messages":[` + user + `"Weather?"},` +
		`{"role":"assistant","content":null,"function_call":{"name":"get_weather","arguments":"{\"city\":\"Paris\"}"}},{"role":"function","name":"get_weather","content":"Paris: sunny"}]`, wanted{}},
	{"nulls", `"temperature":null,"stop":null,"tools":null,"tool_choice":null,"user":null,"response_format":null,"seed":null,"n":null,` + asks(`"Hi"`), wanted{}},
}

// thoughtless is a case that providers of OpenAI's dialect may refuse for themselves.
const thoughtless = "reasoning in a loop that began without"

func TestOdd_requests_are_never_left_for_the_provider_to_refuse(t *testing.T) {
	w := newWorld(t, "", once)
	for _, to := range w.targets {
		for _, c := range oddities {
			if c.name == thoughtless && to.Want.Fake.NeedsBack != "" {
				continue // what the model thought is not to be had any more
			}
			t.Run(to.Name+"/"+c.name, func(t *testing.T) {
				call := harness.Call{JSON: c.request(to.Model)}
				rest := w.server.REST()
				for way, ask := range map[string]func() harness.Answer{
					"whole":    func() harness.Answer { return rest.Chat(t.Context(), call) },
					"streamed": func() harness.Answer { return rest.StreamChat(t.Context(), call, nil) },
				} {
					a := ask()
					w.server.Receipt(t)
					switch f := a.Failure; {
					case a.Err != nil:
						t.Errorf("%s: %v", way, a.Err)
					case f != nil && (f.Reason != "unsupported" || f.Error.GetParam() == ""):
						t.Errorf("%s: %s, status %d: %s\nsent %s", way, f.Reason, f.Status, f.Error.GetMessage(), sent(to))
					case f == nil && len(gather(a).finish) == 0:
						t.Errorf("%s: no answer: %s", way, a.Body)
					}
				}
			})
		}
	}
}
