package lossless

// The documents have every member that OpenAI documents for chat completions, so that
// each object that the API knows is walked through.
//
// Source: OpenAI API reference, "Create chat completion", its object, its chunk object,
// and the types of the official Go SDK v3.95, 2026-11.

const fullRequest = `{
"model": "gpt-4o",
"messages": [
  {"role": "developer", "content": [{"type": "text", "text": "d", "prompt_cache_breakpoint": {"mode": "explicit"}}], "name": "n"},
  {"role": "system", "content": "s", "name": "n"},
  {"role": "user", "name": "n", "content": [
    {"type": "text", "text": "t"},
    {"type": "image_url", "image_url": {"url": "https://example.com/a.png", "detail": "low"}, "prompt_cache_breakpoint": {"mode": "explicit", "ttl": "30m"}},
    {"type": "input_audio", "input_audio": {"data": "AA==", "format": "mp3"}},
    {"type": "file", "file": {"file_id": "f", "filename": "n", "file_data": "d"}},
    {"type": "novel", "novel": {"deep": [{"er": {}}]}}]},
  {"role": "assistant", "content": [{"type": "text", "text": "t"}, {"type": "refusal", "refusal": "r"}], "refusal": "r", "name": "n",
   "audio": {"id": "audio_1"}, "function_call": {"name": "f", "arguments": "{}"},
   "tool_calls": [{"id": "1", "type": "function", "function": {"name": "f", "arguments": "{}"}}, {"id": "2", "type": "custom", "custom": {"name": "c", "input": "i"}}, {"id": "3", "type": "novel", "novel": {}}]},
  {"role": "tool", "tool_call_id": "1", "content": [{"type": "text", "text": "t"}]},
  {"role": "function", "name": "f", "content": "c"},
  {"role": "novel", "content": [{}]}],
"frequency_penalty": 0.5, "presence_penalty": -0.5, "temperature": 0.7, "top_p": 0.9, "logprobs": true, "top_logprobs": 3,
"max_completion_tokens": 100, "max_tokens": 100, "n": 1, "seed": 42, "stop": ["a", "b"], "store": false, "modalities": ["text", "audio"],
"audio": {"format": "wav", "voice": {"id": "v"}},
"moderation": {"model": "omni-moderation-latest", "policy": {"input": {"mode": "score"}, "output": {"mode": "block"}}},
"prediction": {"type": "content", "content": [{"type": "text", "text": "t"}]},
"prompt_cache_key": "k", "prompt_cache_retention": "24h", "prompt_cache_options": {"mode": "implicit", "ttl": "30m"},
"reasoning_effort": "low", "safety_identifier": "s", "service_tier": "auto", "user": "u", "verbosity": "low", "parallel_tool_calls": true,
"response_format": {"type": "json_schema", "json_schema": {"name": "n", "description": "d", "strict": true, "schema": {"type": "object", "properties": {"z": {}, "a": {}}}}},
"stream_options": {"include_obfuscation": false},
"tools": [
  {"type": "function", "function": {"name": "f", "description": "d", "strict": false, "parameters": {"type": "object", "properties": {"b": {"type": "string"}}}}},
  {"type": "custom", "custom": {"name": "c", "description": "d", "format": {"type": "grammar", "grammar": {"definition": "d", "syntax": "lark"}}}},
  {"type": "custom", "custom": {"name": "c2", "format": {"type": "text"}}},
  {"type": "novel", "novel": {}}],
"tool_choice": {"type": "allowed_tools", "allowed_tools": {"mode": "auto", "tools": [{"type": "function", "function": {"name": "f"}}]}},
"web_search_options": {"search_context_size": "low", "user_location": {"type": "approximate", "approximate": {"city": "c", "country": "US", "region": "r", "timezone": "t"}}},
"function_call": {"name": "f"},
"functions": [{"name": "f", "description": "d", "parameters": {"type": "object"}}]
}`

const fullAnswer = `{
"id": "c", "object": "chat.completion", "created": 1, "model": "m", "service_tier": "default", "system_fingerprint": "fp", "metadata": {"k": "v"},
"choices": [{"index": 0, "finish_reason": "stop",
  "message": {"role": "assistant", "content": "t", "refusal": "r", "audio": {"id": "a", "data": "d", "expires_at": 1, "transcript": "t"}, "function_call": {"name": "f", "arguments": "{"},
    "annotations": [{"type": "url_citation", "url_citation": {"url": "u", "title": "t", "start_index": 0, "end_index": 1}}, {"type": "novel", "novel": {}}],
    "tool_calls": [{"id": "1", "type": "function", "function": {"name": "f", "arguments": "{"}}, {"id": "2", "type": "custom", "custom": {"name": "c", "input": "i"}}, {"id": "3", "type": "novel", "novel": {}}]},
  "logprobs": {"content": [{"token": "t", "logprob": -0.5, "bytes": [116], "top_logprobs": [{"token": "t", "logprob": -0.5, "bytes": null}]}], "refusal": [{"token": "r", "logprob": -1, "bytes": [114], "top_logprobs": []}]}}],
"moderation": {
  "input": {"type": "moderation_results", "model": "m", "results": [{"type": "moderation_result", "flagged": true, "model": "m", "categories": {"hate": true}, "category_scores": {"hate": 0.9}, "category_applied_input_types": {"hate": ["text"]}}]},
  "output": {"type": "error", "code": "c", "message": "m"}},
"usage": {"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3,
  "prompt_tokens_details": {"cached_tokens": 1, "audio_tokens": 0, "cache_write_tokens": 0, "text_tokens": 1, "image_tokens": 0},
  "completion_tokens_details": {"reasoning_tokens": 1, "audio_tokens": 0, "accepted_prediction_tokens": 0, "rejected_prediction_tokens": 0, "text_tokens": 1}}
}`

const fullChunk = `{
"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m", "service_tier": "default", "system_fingerprint": "fp", "obfuscation": "xyz",
"choices": [{"index": 0, "finish_reason": "stop",
  "delta": {"role": "assistant", "content": "t", "refusal": "r", "audio": {"id": "a", "data": "d", "expires_at": 1, "transcript": "t"}, "function_call": {"name": "f", "arguments": "{"},
    "annotations": [{"type": "url_citation", "url_citation": {"url": "u", "title": "t", "start_index": 0, "end_index": 1}}],
    "tool_calls": [{"index": 0, "id": "1", "type": "function", "function": {"name": "f", "arguments": "{"}}, {"index": 1, "id": "2", "type": "custom", "custom": {"name": "c", "input": "i"}}]},
  "logprobs": {"content": [{"token": "t", "logprob": -0.5, "bytes": [116], "top_logprobs": [{"token": "t", "logprob": -0.5, "bytes": null}]}], "refusal": null}}],
"moderation": {"input": {"type": "error", "code": "c", "message": "m"}},
"usage": {"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3, "prompt_tokens_details": {"cached_tokens": 1}, "completion_tokens_details": {"reasoning_tokens": 1}}
}`

const (
	simpleRequest = `{"model":"gpt-4o","messages":[{"role":"user","content":"Hi"}]}`
	simpleAnswer  = `{"id":"c","object":"chat.completion","created":1,"model":"m","choices":[{"index":0,"message":{"role":"assistant","content":"Ok","refusal":null},"logprobs":null,"finish_reason":"stop"}],"usage":{"prompt_tokens":1,"completion_tokens":2,"total_tokens":3}}`
	streamRequest = `{"model":"gpt-4o","messages":[{"role":"user","content":"Hi"}],"stream":true}`
	firstChunk    = `{"id":"c","object":"chat.completion.chunk","created":1,"model":"m","choices":[{"index":0,"delta":{"role":"assistant","content":"Hel"},"finish_reason":null}]}`
	secondChunk   = `{"id":"c","object":"chat.completion.chunk","created":1,"model":"m","choices":[{"index":0,"delta":{"content":"lo ü😀"},"finish_reason":null}]}`
	lastChunk     = `{"id":"c","object":"chat.completion.chunk","created":1,"model":"m","choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}`
	usageChunk    = `{"id":"c","object":"chat.completion.chunk","created":1,"model":"m","choices":[],"usage":{"prompt_tokens":1,"completion_tokens":2,"total_tokens":3}}`
)
