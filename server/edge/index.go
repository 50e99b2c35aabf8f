package edge

import (
	"encoding/json"
	"html/template"
	"net/http"
	"strings"
)

// index is what the root answers: where everything is.
type index struct {
	Name    string `json:"name"`
	BaseURL string `json:"base_url"`
	Docs    string `json:"docs,omitempty"`
	OpenAPI string `json:"openapi,omitempty"`
}

var indexPage = template.Must(template.New("index").Parse(`<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>{{.Name}}</title>
<h1>{{.Name}}</h1>
<p>Base URL for OpenAI clients: <code>{{.BaseURL}}</code></p>
{{with .Docs}}<p><a href="{{.}}">API documentation</a></p>{{end}}
{{with .OpenAPI}}<p><a href="{{.}}">OpenAPI document</a></p>{{end}}
</html>
`))

func serveIndex(w http.ResponseWriter, r *http.Request, docs bool) {
	page := index{Name: "Sluice", BaseURL: baseURL(r, "")}
	if docs {
		page.Docs, page.OpenAPI = "/docs", "/openapi.json"
	}
	w.Header().Set("Vary", "Accept")
	if strings.Contains(r.Header.Get("Accept"), "text/html") {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		_ = indexPage.Execute(w, page) // the client left
		return
	}
	w.Header().Set("Content-Type", contentTypeJSON)
	_ = json.NewEncoder(w).Encode(page) //nolint:errchkjson // fails only when the client left
}
