package gcp

import (
	"context"
	"fmt"
	"regexp"
	"slices"

	"google.golang.org/api/bigtableadmin/v2"
)

// zoneID is the form of a zone's ID, "us-west1-a". A region's has no letter.
var zoneID = regexp.MustCompile(`^[a-z]+-[a-z]+[0-9]+-[a-z]$`)

// BigtableZones returns the zones in which Google offers Bigtable to a project ("us-west1-a"), sorted: the public ones and
// the project's own.
func (c *Clients) BigtableZones(ctx context.Context, project string) ([]string, error) {
	var zones []string
	err := c.Bigtable.Projects.Locations.List("projects/"+project).PageSize(1000).Pages(ctx, func(page *bigtableadmin.ListLocationsResponse) error {
		for _, l := range page.Locations {
			if zoneID.MatchString(l.LocationId) {
				zones = append(zones, l.LocationId)
			}
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("list the zones of Bigtable for %s: %w", project, err)
	}
	slices.Sort(zones)
	return zones, nil
}
