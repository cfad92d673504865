package server

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/firnlog/firn/target"
)

// targetFigure is one figure of target.Status.
type targetFigure struct {
	desc  *prometheus.Desc
	kind  prometheus.ValueType
	value func(*target.Status) float64
}

func targetFigureOf(name, help string, kind prometheus.ValueType, value func(*target.Status) float64) targetFigure {
	return targetFigure{prometheus.NewDesc("firn_target_"+name, help, []string{"target", "type"}, nil), kind, value}
}

var targetFigures = []targetFigure{
	targetFigureOf("lag_events", "Positions of the log that the target is behind.", prometheus.GaugeValue, func(s *target.Status) float64 { return float64(s.LagEvents) }),
	targetFigureOf("lag_seconds", "How long ago the first event that the target lacks was recorded.", prometheus.GaugeValue, func(s *target.Status) float64 { return s.LagSeconds }),
	targetFigureOf("delivered_total", "Events delivered.", prometheus.CounterValue, func(s *target.Status) float64 { return float64(s.Delivered) }),
	targetFigureOf("failures_total", "Attempts that failed.", prometheus.CounterValue, func(s *target.Status) float64 { return float64(s.Failures) }),
	targetFigureOf("dead_letters", "Events that the target refused for good.", prometheus.GaugeValue, func(s *target.Status) float64 { return float64(s.DeadLetters) }),
}

var targetState = prometheus.NewDesc("firn_target_state", "1 for what the target is doing.", []string{"target", "type", "state"}, nil)

// targetCollector reads how the targets are doing at each scrape. Its labels are
// names of the configuration.
type targetCollector struct{ targets *target.Deliveries }

func (c targetCollector) Describe(out chan<- *prometheus.Desc) {
	out <- targetState
	for _, f := range targetFigures {
		out <- f.desc
	}
}

func (c targetCollector) Collect(out chan<- prometheus.Metric) {
	for _, s := range c.targets.Status() {
		for _, f := range targetFigures {
			out <- prometheus.MustNewConstMetric(f.desc, f.kind, f.value(&s), s.Name, s.Type)
		}
		for _, state := range target.States() {
			is := 0.0
			if state == s.State {
				is = 1
			}
			out <- prometheus.MustNewConstMetric(targetState, prometheus.GaugeValue, is, s.Name, s.Type, string(state))
		}
	}
}
