package gcp

import (
	"context"
	"fmt"
	"slices"
	"strings"
)

// maxAPIs is how many APIs one call may ask about. Source: the documentation of services.batchGet, which says 30.
const maxAPIs = 30

// EnabledAPIs returns which of a project's APIs are on ("storage.googleapis.com"), sorted.
func (c *Clients) EnabledAPIs(ctx context.Context, project string, names []string) ([]string, error) {
	var on []string
	for batch := range slices.Chunk(names, maxAPIs) {
		var services []string
		for _, name := range batch {
			services = append(services, "projects/"+project+"/services/"+name)
		}
		res, err := c.Usage.Services.BatchGet("projects/" + project).Names(services...).Context(ctx).Do()
		if err != nil {
			return nil, fmt.Errorf("read the APIs of %s: %w", project, err)
		}
		for _, s := range res.Services {
			if s.State == "ENABLED" {
				on = append(on, s.Name[strings.LastIndexByte(s.Name, '/')+1:])
			}
		}
	}
	slices.Sort(on)
	return on, nil
}
