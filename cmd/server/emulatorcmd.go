//go:build !release

package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"

	"groundwork/emulator"
)

type emulatorCmd struct {
	Addr    string        `help:"Loopback address to listen on." default:"127.0.0.1:9191"`
	Data    string        `help:"Folder of the journal; empty keeps everything in memory."`
	Speed   time.Duration `help:"How long emulated operations take." default:"1s"`
	Latency time.Duration `help:"Added before each answer of the emulated cloud."`
	Sites   []string      `help:"Addresses of sites whose sign-in may return to them." default:"http://127.0.0.1:8080"`
	World   bool          `help:"Put the demo's sample people and projects into it."`
}

// Run serves the emulator until it is told to stop.
func (c emulatorCmd) Run(ctx context.Context, s streams) error {
	e, stop, err := startEmulator(ctx, c.Addr, c.Data, c.Speed, c.Sites)
	if err != nil {
		return err
	}
	defer stop()
	e.SetLatency(c.Latency)
	if c.World {
		seedWorld(e.Emulator)
	}
	fmt.Fprintln(s.Err, "emulated Google Cloud at", e.URL)
	<-ctx.Done()
	return nil
}

// runningEmulator is an emulator that listens.
type runningEmulator struct {
	*emulator.Emulator
	URL string
}

// The emulator's one OAuth client; its secret guards nothing.
const ()

// startEmulator listens on a loopback address and serves until stop is called.
func startEmulator(ctx context.Context, addr, dir string, speed time.Duration, sites []string) (*runningEmulator, func(), error) {
	host, _, err := net.SplitHostPort(addr)
	if err != nil || !net.ParseIP(host).IsLoopback() {
		return nil, nil, fmt.Errorf("the emulator listens on loopback only: give --addr as 127.0.0.1 and a port, not %q", addr)
	}
	var lc net.ListenConfig
	ln, err := lc.Listen(ctx, "tcp", addr)
	if err != nil {
		return nil, nil, fmt.Errorf("the emulator cannot listen on %s; stop what uses it or give another address: %w", addr, err)
	}
	url := "http://" + ln.Addr().String()
	redirects := make([]string, 0, 2*len(sites))
	for _, s := range sites {
		redirects = append(redirects, s+"/signin/callback", s+"/connect/callback")
	}
	e, err := emulator.New(emulator.Config{
		Dir: dir, Speed: speed, Seed: 1, Issuer: url,
		Clients: []emulator.OAuthClient{{ID: emulatedClientID, Secret: emulatedClientSecret, Redirects: redirects}},
	})
	if err != nil {
		ln.Close()
		return nil, nil, err
	}
	srv := &http.Server{Handler: e, ReadHeaderTimeout: 10 * time.Second}
	go func() {
		if err := srv.Serve(ln); err != nil && !errors.Is(err, http.ErrServerClosed) {
			fmt.Println("emulator:", err)
		}
	}()
	stop := func() {
		srv.Close()
		e.Close()
	}
	return &runningEmulator{e, url}, stop, nil
}
