//go:build !race

package faults

// raceDetector tells whether the race detector runs.
const raceDetector = false
