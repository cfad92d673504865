package main

import (
	"context"
	"fmt"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// smallCosts runs the benchmarks that lie beside the code of what is to cost
// microseconds, and takes the processor's time from them.
func smallCosts(ctx context.Context, _ config, r *report) error {
	cmd := exec.CommandContext(ctx, "go", "test", "-run", "^$", "-bench", "BenchmarkRequest|BenchmarkEvents|BenchmarkValidate", "./webdebug", "./internal/catalog")
	cmd.Dir = ".."
	out, err := cmd.CombinedOutput()
	if err != nil {
		return fmt.Errorf("go test -bench: %w: %s", err, out)
	}
	line := regexp.MustCompile(`(?m)^Benchmark(\S+?)(?:-\d+)?\s.*?([0-9.]+) cpu-ns/path`)
	found := map[string]time.Duration{}
	for _, m := range line.FindAllStringSubmatch(string(out), -1) {
		ns, err := strconv.ParseFloat(m[2], 64)
		if err != nil {
			return err
		}
		found[m[1]] = time.Duration(ns)
	}
	for _, row := range []struct{ name, benchmark, goal string }{
		{"webdebug, a request when off", "RequestOff", "nothing"},
		{"webdebug, a request when on", "RequestOn", "< 5 µs"},
		{"webdebug, an event more", "Events/Add", "< 1 µs"},
		{"webdebug, a timed event more", "Events/Start", "< 1 µs"},
		{"webdebug, a line of log/slog more", "Events/Log", "< 1 µs"},
		{"catalog, an event of message.received", "Validate/message.received", "≤ 5 µs"},
		{"catalog, an event of API", "Validate/API", "≤ 5 µs"},
		{"catalog, a web debug request", "Validate/request", "≤ 5 µs"},
		{"catalog, a web debug request with a fault", "Validate/request_with_a_fault", "≤ 5 µs where there is no fault"},
	} {
		took, ok := found[row.benchmark]
		if !ok {
			return fmt.Errorf("no benchmark %s among %s", row.benchmark, strings.TrimSpace(string(out)))
		}
		r.row(row.name, took.String()+" of the processor", "", row.goal)
	}
	return nil
}
