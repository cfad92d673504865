package server

import (
	"net/http"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	firn "github.com/firnlog/firn"
	"github.com/firnlog/firn/target"
)

func metricsRoutes() []route {
	return []route{{method: "GET", path: "/metrics", name: "metrics", permission: metricsRead,
		about:   "Figures for Prometheus.",
		answers: []answer{{status: 200, about: "The text format.", media: []media{textMedia}}},
		serve: func(s *Server, w http.ResponseWriter, r *request) error {
			s.metrics.handler.ServeHTTP(w, r.Request)
			return nil
		}}}
}

// metrics are the server's own figures and, read at each scrape, the log's. No
// label is a name that callers choose.
type metrics struct {
	handler  http.Handler
	requests *prometheus.CounterVec
	seconds  *prometheus.HistogramVec
}

func newMetrics(log *firn.Log, targets *target.Deliveries) *metrics {
	m := &metrics{
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "firn_http_requests_total", Help: "Requests answered."}, []string{"route", "method", "status"}),
		seconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "firn_http_request_seconds", Help: "Time to answer, streams left out.",
			Buckets: []float64{.0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 10, 30}}, []string{"route", "method"}),
	}
	registry := prometheus.NewRegistry()
	registry.MustRegister(m.requests, m.seconds, logCollector{log}, targetCollector{targets},
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	m.handler = promhttp.HandlerFor(registry, promhttp.HandlerOpts{MaxRequestsInFlight: 4})
	return m
}

func (m *metrics) observe(r *route, method string, status int, took time.Duration) {
	m.requests.WithLabelValues(r.path, method, strconv.Itoa(status)).Inc()
	if !r.stream {
		m.seconds.WithLabelValues(r.path, method).Observe(took.Seconds())
	}
}

// figure is one figure of firn.LogStats.
type figure struct {
	desc  *prometheus.Desc
	kind  prometheus.ValueType
	value func(*firn.LogStats) int64
}

func counter(name, help string, value func(*firn.LogStats) int64) figure {
	return figure{prometheus.NewDesc("firn_"+name, help, nil, nil), prometheus.CounterValue, value}
}

func gauge(name, help string, value func(*firn.LogStats) int64) figure {
	return figure{prometheus.NewDesc("firn_"+name, help, nil, nil), prometheus.GaugeValue, value}
}

var figures = []figure{
	counter("appends_total", "Batches stored.", func(s *firn.LogStats) int64 { return s.Appends }),
	counter("appended_events_total", "Events stored.", func(s *firn.LogStats) int64 { return s.AppendedEvents }),
	counter("duplicate_events_total", "Events that the log held already.", func(s *firn.LogStats) int64 { return s.Duplicates }),
	counter("syncs_total", "Syncs of the write-ahead log.", func(s *firn.LogStats) int64 { return s.Syncs }),
	gauge("wal_bytes", "Size of the write-ahead log.", func(s *firn.LogStats) int64 { return s.WALBytes }),
	gauge("head_events", "Events in memory, not sealed yet.", func(s *firn.LogStats) int64 { return s.HeadEvents }),
	gauge("head_bytes", "Memory of the events not sealed yet.", func(s *firn.LogStats) int64 { return s.HeadBytes }),
	gauge("segments", "Segment files.", func(s *firn.LogStats) int64 { return s.Segments }),
	gauge("segment_bytes", "Size of the segment files.", func(s *firn.LogStats) int64 { return s.SegmentBytes }),
	counter("seals_total", "Segments sealed.", func(s *firn.LogStats) int64 { return s.Seals }),
	counter("compactions_total", "Compactions.", func(s *firn.LogStats) int64 { return s.Compactions }),
	counter("queries_total", "Queries answered.", func(s *firn.LogStats) int64 { return s.Queries }),
	gauge("query_memory_bytes", "Memory that running queries hold of their budget.", func(s *firn.LogStats) int64 { return s.QueryMemory }),
	gauge("subscriptions", "Open subscriptions.", func(s *firn.LogStats) int64 { return s.Subscriptions }),
}

// ills are the figures of firn.Health: 0 where all is well.
var ills = []struct {
	desc  *prometheus.Desc
	value func(firn.Health) float64
}{
	{prometheus.NewDesc("firn_lost_ranges", "Ranges of positions that damage has taken.", nil, nil),
		func(h firn.Health) float64 { return float64(h.LostRanges) }},
	{prometheus.NewDesc("firn_unindexed_instances", "Instances whose ids are being indexed again.", nil, nil),
		func(h firn.Health) float64 { return float64(h.Unindexed) }},
	{prometheus.NewDesc("firn_disk_full", "1 while appends are refused because the disk is full.", nil, nil),
		func(h firn.Health) float64 {
			if h.NoSpace {
				return 1
			}
			return 0
		}},
}

// logCollector reads the log's figures at each scrape.
type logCollector struct{ log *firn.Log }

func (c logCollector) Describe(out chan<- *prometheus.Desc) {
	for _, f := range figures {
		out <- f.desc
	}
	for _, i := range ills {
		out <- i.desc
	}
}

func (c logCollector) Collect(out chan<- prometheus.Metric) {
	stats := c.log.Stats()
	for _, f := range figures {
		out <- prometheus.MustNewConstMetric(f.desc, f.kind, float64(f.value(&stats)))
	}
	health := c.log.Health()
	for _, i := range ills {
		out <- prometheus.MustNewConstMetric(i.desc, prometheus.GaugeValue, i.value(health))
	}
}
