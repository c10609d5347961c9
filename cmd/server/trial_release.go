//go:build release

package main

type trials struct{}

const hasTrials = false
