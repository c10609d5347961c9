package resources

import (
	"encoding/json"
	"slices"

	"github.com/hashicorp/hcl/v2/hclwrite"
	"github.com/zclconf/go-cty/cty"

	"groundwork/provisioner"
)

// run is one command that may be repeated.
func run(words ...string) provisioner.Commands { return provisioner.Commands{Run: [][]string{words}} }

func resource(kind, name string) *hclwrite.Block {
	return hclwrite.NewBlock("resource", []string{kind, name})
}

// set sets attributes to texts: name, value, name, value and so on.
func set(b *hclwrite.Block, namesAndValues ...string) {
	for pair := range slices.Chunk(namesAndValues, 2) {
		b.Body().SetAttributeValue(pair[0], cty.StringVal(pair[1]))
	}
}

func texts(values []string) cty.Value {
	list := make([]cty.Value, 0, len(values))
	for _, v := range values {
		list = append(list, cty.StringVal(v))
	}
	return cty.ListVal(list)
}

func labels(of map[string]string) cty.Value {
	values := map[string]cty.Value{}
	for k, v := range of {
		values[k] = cty.StringVal(v)
	}
	return cty.MapVal(values)
}

// asJSON is the body of a call in the script.
func asJSON(v map[string]any) string {
	text, err := json.Marshal(v)
	if err != nil {
		panic("a map of texts always marshals: " + err.Error())
	}
	return string(text)
}
