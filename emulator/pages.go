package emulator

import (
	"bytes"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"fmt"
	"html/template"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

//go:embed pages.html
var pagesHTML string

//go:embed pages.css
var pagesCSS string

var pages = template.Must(template.New("pages").Funcs(template.FuncMap{
	"css": func() template.CSS { return template.CSS(pagesCSS) },
}).Parse(pagesHTML))

var styleHash = func() string {
	sum := sha256.Sum256([]byte(pagesCSS))
	return "'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"
}()

// page draws a page of the sign-in. formTo is the origin that its form may lead to, besides our own.
func (c *call) page(status int, formTo, name string, data map[string]any) answer {
	var buf bytes.Buffer
	if err := pages.ExecuteTemplate(&buf, name, data); err != nil {
		panic("emulator: page " + name + ": " + err.Error())
	}
	return answer{Status: status, Body: buf.Bytes(), Header: http.Header{
		"Content-Type": {"text/html; charset=utf-8"},
		"Content-Security-Policy": {fmt.Sprintf(
			"default-src 'none'; style-src %s; form-action 'self' %s; frame-ancestors 'none'; base-uri 'none'", styleHash, formTo)},
		"Cache-Control": {"no-store"}, "Referrer-Policy": {"same-origin"}, "X-Content-Type-Options": {"nosniff"},
	}}
}

// origin of the address to return to: browsers apply form-action to the redirect after the form, too.
func (r request) origin() string {
	u, err := url.Parse(r.redirect)
	if err != nil {
		return ""
	}
	return u.Scheme + "://" + u.Host
}

func (r request) app() string { return orElse(r.client.Name, r.client.ID) }

type field struct{ Name, Value string }

func (r request) fields() []field {
	var out []field
	for _, k := range sortedKeys(r.params) {
		out = append(out, field{k, r.params.Get(k)})
	}
	return out
}

// chooser lists the sample people; each is a link, so that no script is needed.
func (c *call) chooser(r request) answer {
	type person struct{ Name, Email, Initial, Link string }
	var list []person
	for _, k := range c.e.people.keys("") {
		p, _ := c.e.people.get(k)
		q := url.Values{"account": {p.Email}}
		for k, v := range r.params {
			q[k] = v
		}
		name := orElse(p.Name, p.Email)
		list = append(list, person{name, p.Email, strings.ToUpper(string([]rune(name)[:1])), "/o/oauth2/v2/auth?" + q.Encode()})
	}
	return c.page(http.StatusOK, r.origin(), "chooser", map[string]any{"App": r.app(), "People": list, "Unknown": r.hint})
}

// consent asks for each scope beyond who the person is.
func (c *call) consent(r request, p Person) answer {
	type scope struct {
		Value, Text string
		Ticked      bool
	}
	var list []scope
	for _, s := range r.more() {
		list = append(list, scope{s, orElse(scopeTexts[s], s), !slices.Contains(p.Refused, s)})
	}
	q := url.Values{}
	for k, v := range r.params {
		q[k] = v
	}
	q.Set("prompt", "select_account")
	return c.page(http.StatusOK, r.origin(), "consent", map[string]any{
		"App": r.app(), "Name": orElse(p.Name, p.Email), "Email": p.Email, "Scopes": list, "Fields": r.fields(), "Other": "/o/oauth2/v2/auth?" + q.Encode(),
	})
}

// scopeTexts are Google's words for scopes.
var scopeTexts = map[string]string{
	CloudPlatform: "See, edit, configure and delete your Google Cloud data and see the email address for your Google Account",
	"https://www.googleapis.com/auth/cloud-platform.read-only": "View your data across Google Cloud services and see the email address of your Google Account",
	"https://www.googleapis.com/auth/bigquery":                 "View and manage your data in Google BigQuery and see the email address for your Google Account",
	"https://www.googleapis.com/auth/devstorage.full_control":  "Manage your data and permissions in Cloud Storage and see the email address for your Google Account",
}
