package main

import (
	"context"
	"log/slog"
	"slices"
)

type serveCmd struct {
	siteFlags
}

// Run serves until it is told to stop, or until a part fails.
func (c serveCmd) Run(ctx context.Context, s streams, files fileProblems) error {
	if problems := slices.Concat(files, c.problems(), c.Keys.exposed()); len(problems) > 0 {
		return report(s, "serve", problems)
	}
	log := slog.New(slog.NewJSONHandler(s.Err, nil))
	ln, err := listen(ctx, c.Addr)
	if err != nil {
		return err
	}
	site, err := startSite(ctx, c.siteFlags, ln, log)
	if err != nil {
		return err
	}
	defer site.stop()
	for _, w := range c.warnings() {
		log.Warn(w)
	}
	log.Info("serving", "address", ln.Addr().String(), "base_url", c.BaseURL, "version", version())
	select {
	case <-ctx.Done():
		log.Info("stopping")
		return nil
	case err := <-site.failed:
		return err
	}
}
