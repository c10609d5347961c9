package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"time"
)

type healthCmd struct {
	URL string `help:"Address of the server." env:"HEALTH_URL" default:"http://127.0.0.1:8080"`
}

func (h healthCmd) Run(ctx context.Context, s streams) error {
	ctx, cancel := context.WithTimeout(ctx, 3*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, h.URL+"/healthz/ready", nil)
	if err != nil {
		return err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return fmt.Errorf("the server at %s does not answer: %w", h.URL, err)
	}
	defer resp.Body.Close()
	said, err := io.ReadAll(io.LimitReader(resp.Body, 1<<10))
	if err != nil {
		return fmt.Errorf("read the answer of the server at %s: %w", h.URL, err)
	}
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("the server is not ready: %s: %s", resp.Status, bytes.TrimSpace(said))
	}
	fmt.Fprintf(s.Out, "%s\n", bytes.TrimSpace(said))
	return nil
}
