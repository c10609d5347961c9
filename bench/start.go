package main

import (
	"context"
	"fmt"
	"syscall"
	"time"
)

// measureStart starts the server again and again on a database that is there already, until it answers a page, and
// stops it in order.
func measureStart(ctx context.Context, l *lab) ([]row, error) {
	if err := l.serve(ctx); err != nil {
		return nil, err
	}
	if err := l.server.stop(); err != nil {
		return nil, err
	}
	var starts, stops []float64
	for range max(5, 2*l.Rounds) {
		began := time.Now()
		p, err := l.start("server", l.env, l.program, "serve")
		if err != nil {
			return nil, err
		}
		if err := answers(ctx, p, l.base+"/signin"); err != nil {
			return nil, err
		}
		starts = append(starts, float64(time.Since(began).Microseconds())/1000)
		began = time.Now()
		if err := p.Process.Signal(syscall.SIGTERM); err != nil {
			return nil, fmt.Errorf("stop the server: %w", err)
		}
		<-p.ended
		stops = append(stops, time.Since(began).Seconds())
		if err := p.stop(); err != nil {
			return nil, err
		}
	}
	if err := l.restart(ctx); err != nil {
		return nil, err
	}
	each := fmt.Sprintf("%d times", len(starts))
	return []row{
		row{What: "start to the first page", Against: "absolute", Unit: "ms", Goal: 150, Beyond: 50, Measured: each}.spread(starts),
		row{What: "graceful stop", Against: "absolute", Unit: "s", Goal: 10, Measured: each}.spread(stops),
	}, nil
}

// restart stops the server, if it runs, and starts it anew.
func (l *lab) restart(ctx context.Context) error {
	err := l.server.stop()
	if err != nil {
		return err
	}
	if l.server, err = l.start("server", l.env, l.program, "serve"); err != nil {
		return err
	}
	return answers(ctx, l.server, l.base+"/healthz/ready")
}
