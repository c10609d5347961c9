// Package discovery checks HTTP requests to Google's APIs, and the answers to them, against Google's own
// discovery documents: the method must exist, parameters and fields must be known and of the right type,
// what is required must be there, and an error must have Google's shape.
//
// The documents are the *-api.json files that lie beside the generated clients in the module
// google.golang.org/api. The package knows no emulator: it judges bytes, whoever made them.
package discovery

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// files are the documents of the services that Groundwork and the command line tools call.
var files = []string{
	"bigquery/v2/bigquery-api.json",
	"bigtableadmin/v2/bigtableadmin-api.json",
	"cloudbilling/v1/cloudbilling-api.json",
	"cloudresourcemanager/v1/cloudresourcemanager-api.json",
	"cloudresourcemanager/v3/cloudresourcemanager-api.json",
	"iam/v1/iam-api.json",
	"iam/v2/iam-api.json",
	"iamcredentials/v1/iamcredentials-api.json",
	"orgpolicy/v2/orgpolicy-api.json",
	"policytroubleshooter/v3/policytroubleshooter-api.json",
	"serviceusage/v1/serviceusage-api.json",
	"storage/v1/storage-api.json",
}

// Documents are discovery documents, ready to judge requests and answers. They may be shared by goroutines.
type Documents struct {
	methods []*Method
	hosts   map[string]bool
}

// Method is one method of one API, such as "storage.buckets.insert".
type Method struct {
	ID     string
	Scopes []string // any of them lets a token call it

	verb       string
	hosts      []string
	template   string         // of the path: "/v1/{+name}:enable"
	path       *regexp.Regexp // of the escaped path; one group for each of names
	names      []string
	rank       int // literal characters of the template: the most specific match wins
	params     map[string]*schema
	request    string
	response   string
	mediaDown  bool
	upload     bool // this path is the media upload's, not the plain one
	schemas    map[string]*schema
	acceptNull bool
}

type document struct {
	RootURL     string             `json:"rootUrl"`
	ServicePath string             `json:"servicePath"`
	Parameters  map[string]*schema `json:"parameters"`
	Schemas     map[string]*schema `json:"schemas"`
	Resources   map[string]*tree   `json:"resources"`
	Methods     map[string]*rest   `json:"methods"`
}

type tree struct {
	Methods   map[string]*rest `json:"methods"`
	Resources map[string]*tree `json:"resources"`
}

type rest struct {
	ID         string             `json:"id"`
	HTTPMethod string             `json:"httpMethod"`
	Path       string             `json:"path"`
	Parameters map[string]*schema `json:"parameters"`
	Request    struct {
		Ref string `json:"$ref"`
	} `json:"request"`
	Response struct {
		Ref string `json:"$ref"`
	} `json:"response"`
	Scopes                []string `json:"scopes"`
	SupportsMediaDownload bool     `json:"supportsMediaDownload"`
	MediaUpload           struct {
		Protocols map[string]struct {
			Path string `json:"path"`
		} `json:"protocols"`
	} `json:"mediaUpload"`
}

// Load reads the documents of the services in use from the module google.golang.org/api, whose folder it asks
// of the go command; the working directory must lie in a module that requires it.
func Load(ctx context.Context) (*Documents, error) {
	var stderr bytes.Buffer
	cmd := exec.CommandContext(ctx, "go", "list", "-m", "-f", "{{.Dir}}", "google.golang.org/api")
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("find the module google.golang.org/api: %w: %s", err, stderr.String())
	}
	dir := strings.TrimSpace(string(out))
	var docs [][]byte
	for _, f := range files {
		b, err := os.ReadFile(filepath.Join(dir, f))
		if err != nil {
			return nil, fmt.Errorf("read discovery document: %w", err)
		}
		docs = append(docs, b)
	}
	return Parse(docs...)
}

// Parse reads discovery documents from their JSON.
func Parse(docs ...[]byte) (*Documents, error) {
	d := &Documents{hosts: map[string]bool{}}
	for _, b := range docs {
		var doc document
		if err := json.Unmarshal(b, &doc); err != nil {
			return nil, fmt.Errorf("parse discovery document: %w", err)
		}
		host := strings.TrimSuffix(strings.TrimPrefix(doc.RootURL, "https://"), "/")
		hosts := []string{host}
		if host == "storage.googleapis.com" || host == "bigquery.googleapis.com" {
			hosts = append(hosts, "www.googleapis.com") // the older address of both, still served
		}
		d.hosts[host] = true
		if err := d.add(&doc, hosts, &tree{Methods: doc.Methods, Resources: doc.Resources}); err != nil {
			return nil, err
		}
	}
	slices.SortStableFunc(d.methods, func(a, b *Method) int { return b.rank - a.rank })
	return d, nil
}

func (d *Documents) add(doc *document, hosts []string, t *tree) error {
	for _, m := range t.Methods {
		if err := d.addMethod(doc, hosts, m, "/"+doc.ServicePath+m.Path, false); err != nil {
			return err
		}
		for _, p := range m.MediaUpload.Protocols {
			if err := d.addMethod(doc, hosts, m, p.Path, true); err != nil {
				return err
			}
		}
	}
	for _, r := range t.Resources {
		if err := d.add(doc, hosts, r); err != nil {
			return err
		}
	}
	return nil
}

var placeholder = regexp.MustCompile(`\{(\+?)([^}]+)\}`)

func (d *Documents) addMethod(doc *document, hosts []string, r *rest, template string, upload bool) error {
	m := &Method{
		ID: r.ID, Scopes: r.Scopes, verb: r.HTTPMethod, hosts: hosts, template: template, params: map[string]*schema{}, upload: upload,
		request: r.Request.Ref, response: r.Response.Ref, mediaDown: r.SupportsMediaDownload,
		schemas: doc.Schemas, acceptNull: r.HTTPMethod == "PATCH",
	}
	for name, p := range doc.Parameters {
		m.params[name] = p
	}
	for name, p := range r.Parameters {
		m.params[name] = p
	}
	var re strings.Builder
	re.WriteString("^")
	rest := template
	for {
		loc := placeholder.FindStringSubmatchIndex(rest)
		if loc == nil {
			break
		}
		re.WriteString(regexp.QuoteMeta(rest[:loc[0]]))
		m.rank += loc[0]
		if loc[2] != loc[3] {
			re.WriteString("(.+)")
		} else {
			re.WriteString("([^/]+)")
		}
		m.names = append(m.names, rest[loc[4]:loc[5]])
		rest = rest[loc[1]:]
	}
	re.WriteString(regexp.QuoteMeta(rest) + "$")
	m.rank += len(rest)
	var err error
	if m.path, err = regexp.Compile(re.String()); err != nil {
		return fmt.Errorf("path of %s: %w", r.ID, err)
	}
	d.methods = append(d.methods, m)
	return nil
}

// Sample is a request of one method, with the same value for everything that its path names.
type Sample struct{ ID, Verb, Host, Path string }

// Samples are a request of each method at each of its hosts.
func (d *Documents) Samples(value string) []Sample {
	var all []Sample
	for _, m := range d.methods {
		for _, host := range m.hosts {
			all = append(all, Sample{m.ID, m.verb, host, placeholder.ReplaceAllLiteralString(m.template, value)})
		}
	}
	return all
}

// schema is a JSON schema of a discovery document, and a parameter of a method, which has the same fields.
type schema struct {
	Ref                  string             `json:"$ref"`
	Type                 string             `json:"type"`
	Format               string             `json:"format"`
	Pattern              string             `json:"pattern"`
	Enum                 []string           `json:"enum"`
	Properties           map[string]*schema `json:"properties"`
	AdditionalProperties *schema            `json:"additionalProperties"`
	Items                *schema            `json:"items"`
	Location             string             `json:"location"`
	Required             bool               `json:"required"`
	Repeated             bool               `json:"repeated"`
	Annotations          struct {
		Required []string `json:"required"`
	} `json:"annotations"`
}

// checker collects everything that is wrong with one body.
type checker struct {
	m       *Method
	request bool
	errs    []error
}

func (c *checker) failf(format string, args ...any) {
	c.errs = append(c.errs, fmt.Errorf(format, args...))
}

func (c *checker) err() error { return errors.Join(c.errs...) }

func (c *checker) value(at string, s *schema, v any) {
	if s == nil {
		return
	}
	if s.Ref != "" {
		ref, ok := c.m.schemas[s.Ref]
		if !ok {
			c.failf("%s: the document has no schema %s", at, s.Ref)
			return
		}
		c.value(at, ref, v)
		return
	}
	if v == nil {
		if !c.request || !c.m.acceptNull {
			c.failf("%s: null", at)
		}
		return
	}
	switch s.Type {
	case "any", "":
	case "object":
		c.object(at, s, v)
	case "array":
		list, ok := v.([]any)
		if !ok {
			c.failf("%s: want an array, got %T", at, v)
			return
		}
		for i, e := range list {
			c.value(fmt.Sprintf("%s[%d]", at, i), s.Items, e)
		}
	case "boolean":
		if _, ok := v.(bool); !ok {
			c.failf("%s: want a boolean, got %v", at, v)
		}
	case "integer", "number":
		n, ok := v.(json.Number)
		if !ok {
			c.failf("%s: want a number, got %T", at, v)
			return
		}
		if s.Type == "integer" {
			if _, err := n.Int64(); err != nil {
				c.failf("%s: want an integer, got %s", at, n)
			}
		}
	case "string":
		text, ok := v.(string)
		if !ok {
			if _, isNumber := v.(json.Number); isNumber && c.request && (s.Format == "int64" || s.Format == "uint64") {
				return // Google's parsers take a bare number where they would answer with a string
			}
			c.failf("%s: want a string, got %T", at, v)
			return
		}
		if err := checkText(s, text); err != nil {
			c.failf("%s: %v", at, err)
		}
	default:
		c.failf("%s: the document has the unknown type %q", at, s.Type)
	}
}

func (c *checker) object(at string, s *schema, v any) {
	fields, ok := v.(map[string]any)
	if !ok {
		c.failf("%s: want an object, got %T", at, v)
		return
	}
	for name, e := range fields {
		p, known := s.Properties[name]
		if !known {
			p = s.AdditionalProperties
		}
		if p == nil {
			c.failf("%s: unknown field %q", at, name)
			continue
		}
		c.value(at+"."+name, p, e)
	}
	if !c.request {
		return
	}
	for name, p := range s.Properties {
		if _, there := fields[name]; !there && slices.Contains(p.Annotations.Required, c.m.ID) {
			c.failf("%s: required field %q is missing", at, name)
		}
	}
}
