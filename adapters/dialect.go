package adapters

// The values of [OpenAIDialect]'s StreamUsage.
const (
	// StreamUsageAsked is OpenAI's way: stream_options.include_usage asks for it.
	StreamUsageAsked = "asked"
	// StreamUsageAlways is told by itself, by an API that does not know stream_options.
	StreamUsageAlways = "always"
	// StreamUsageNone is never told, by an API that does not know stream_options.
	StreamUsageNone = "none"
)

// OpenAIDialect says how an API differs from OpenAI's, as far as a configuration can say
// it. A zero member says nothing: it is as OpenAI has it, or as is known of the provider's
// kind.
type OpenAIDialect struct {
	// MaxTokens is the one of max_tokens and max_completion_tokens that it knows.
	MaxTokens string
	// Reasoning is what it calls reasoning_content.
	Reasoning string
	// Seed is what it calls seed.
	Seed string
	// DeveloperRole is the role that stands for "developer".
	DeveloperRole string
	// ToolChoiceRequired is what it calls the tool_choice "required". Empty: it has none.
	// Nil: says nothing.
	ToolChoiceRequired *string
	// StreamUsage is how a stream tells its usage.
	StreamUsage string
	// Unsupported are members of requests that it refuses or ignores: of the request
	// itself, as "logit_bias", or one of "messages[].name", "tools[].function.strict" and
	// "response_format.json_schema".
	Unsupported []string
	// KeyHeader is the header that carries the key as it is, in lower case. Empty or
	// "authorization": that one, behind "Bearer".
	KeyHeader string
	// ModelsPath is the path of the list of models below the base URL.
	ModelsPath string
}
