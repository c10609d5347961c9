package steps

import (
	"fmt"
	"strings"

	"groundwork/onboarding"
	"groundwork/wizard"
)

const dataSourcesID = "data-sources"

// maxSources is the most data sources of an onboarding; each is a binding of its own.
const maxSources = 100

type dataSourcesAnswer struct {
	Datasets []string `json:"datasets"`
	Projects []string `json:"projects"`
	Buckets  []string `json:"buckets"`
	Pays     bool     `json:"requester_pays,omitempty"` // for reading from one of the buckets
}

// dataSources asks what the Spark account may read.
var dataSources = wizard.Define(wizard.StepDef[dataSourcesAnswer]{
	ID:    dataSourcesID,
	Title: "What data may the Spark account read?",
	Name:  "Data sources",
	Intro: "This setup lets the Spark account read these data sources and no others. If there are none yet, leave everything empty.",
	Knows: "The owners of the data: data engineering or analytics.",
	Asks:  "Which BigQuery datasets, BigQuery projects, and Cloud Storage buckets should features be computed from? Please send the names as project.dataset, project ID, and gs://bucket.",
	Fields: []wizard.Field[dataSourcesAnswer]{
		{
			Name:     "datasets",
			Label:    "BigQuery datasets",
			Hint:     "One per line, as project.dataset.",
			Kind:     wizard.KindLines,
			Optional: true,
			Mono:     true,
			Lines:    func(a *dataSourcesAnswer) *[]string { return &a.Datasets },
			Read:     wizard.DatasetRef,
		},
		{
			Name:     "projects",
			Label:    "Whole BigQuery projects",
			Hint:     "One project ID per line. The Spark account can then read every dataset in the project, including ones added later.",
			Kind:     wizard.KindLines,
			Optional: true,
			Mono:     true,
			Lines:    func(a *dataSourcesAnswer) *[]string { return &a.Projects },
			Read:     wizard.ProjectID,
		},
		{
			Name:     "buckets",
			Label:    "Cloud Storage buckets",
			Hint:     "One per line: gs://name or just the name.",
			Kind:     wizard.KindLines,
			Optional: true,
			Mono:     true,
			Lines:    func(a *dataSourcesAnswer) *[]string { return &a.Buckets },
			Read:     wizard.BucketName,
		},
		{
			Name:     "requester_pays",
			Label:    "A bucket in this list uses requester pays",
			Hint:     "Google then bills the project where everything is created, and the Spark account gets the role Service Usage Consumer on it. If you don’t know, leave this cleared: the check before the run finds out.",
			Kind:     wizard.KindCheckbox,
			Optional: true,
			Quiet:    true,
			Flag:     func(a *dataSourcesAnswer) *bool { return &a.Pays },
		},
	},
	Check: func(a dataSourcesAnswer, c wizard.Case) wizard.Problems {
		if n := len(a.sources()); n > maxSources {
			return wizard.Problems{{Message: fmt.Sprintf("Enter at most %d data sources in all. There are %d", maxSources, n)}}
		}
		own := onboarding.BucketName(deploymentName(c))
		for _, b := range a.Buckets {
			if b == own {
				return wizard.Problems{{Field: "buckets", Message: own + " is the bucket that will be created. The Spark account gets access to it anyway, so leave it out"}}
			}
		}
		if a.Pays && len(a.Buckets) == 0 {
			return wizard.Problems{{Field: "requester_pays", Message: "Enter the bucket that uses requester pays, or clear this checkbox"}}
		}
		return nil
	},
	Summary: func(a dataSourcesAnswer, _ wizard.Case) []wizard.Row {
		row := func(label string, items []string) wizard.Row {
			if len(items) == 0 {
				return wizard.Row{Label: label, Value: "None"}
			}
			return wizard.Row{Label: label, Value: strings.Join(items, "\n")}
		}
		rows := []wizard.Row{row("BigQuery datasets", a.Datasets), row("Whole BigQuery projects", a.Projects), row("Cloud Storage buckets", a.Buckets)}
		if a.Pays {
			rows = append(rows, wizard.Row{Label: "Requester pays", Value: "A bucket uses requester pays"})
		}
		return rows
	},
	Outline: func(a dataSourcesAnswer, _ wizard.Case) []wizard.Row {
		switch n := len(a.sources()); n {
		case 0:
			return []wizard.Row{{Label: "Data sources", Value: "None"}}
		case 1:
			return []wizard.Row{{Label: "Data sources", Value: a.sources()[0].Name}}
		default:
			return []wizard.Row{{Label: "Data sources", Value: fmt.Sprint(n)}}
		}
	},
	Spec: func(a dataSourcesAnswer, s *onboarding.Spec) { s.DataSources, s.RequesterPays = a.sources(), a.Pays },
})

func (a dataSourcesAnswer) sources() []onboarding.DataSource {
	var out []onboarding.DataSource
	add := func(kind onboarding.DataSourceKind, names []string) {
		for _, n := range names {
			out = append(out, onboarding.DataSource{Kind: kind, Name: n})
		}
	}
	add(onboarding.SourceDataset, a.Datasets)
	add(onboarding.SourceProject, a.Projects)
	add(onboarding.SourceBucket, a.Buckets)
	return out
}
