package usage

import (
	"strings"
	"sync"

	"github.com/prometheus/client_golang/prometheus"

	sluicev1 "github.com/sluice-ai/sluice/gen/go/sluice/v1"

	"github.com/sluice-ai/sluice/server/fault"
)

// Metrics counts receipts for Prometheus. Names and buckets are OpenTelemetry's
// GenAI ones where they exist (semantic conventions 1.37), in Prometheus' spelling.
type Metrics struct {
	duration   *prometheus.HistogramVec
	firstToken *prometheus.HistogramVec
	tokens     *prometheus.HistogramVec
	attempts   *prometheus.HistogramVec
	spared     *prometheus.CounterVec
	denied     *prometheus.CounterVec
	target     *prometheus.GaugeVec
	seatless   prometheus.Counter
	unframed   *prometheus.CounterVec
	models     labels
}

// maxModelLabels bounds the distinct model names in labels; later ones count as
// "other".
const maxModelLabels = 500

// NewMetrics registers the metrics.
func NewMetrics(reg prometheus.Registerer) *Metrics {
	m := &Metrics{
		duration: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name:    "gen_ai_server_request_duration_seconds",
			Help:    "Time from the arrival of a call to the end of its answer.",
			Buckets: durationBuckets,
		}, []string{"door", "gen_ai_operation_name", "gen_ai_provider_name", "gen_ai_request_model", "error_type"}),
		firstToken: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name:    "gen_ai_server_time_to_first_token_seconds",
			Help:    "Time from the arrival of a streamed call to its first chunk.",
			Buckets: []float64{0.001, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0, 30, 60},
		}, []string{"gen_ai_provider_name", "gen_ai_request_model"}),
		tokens: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name:    "gen_ai_client_token_usage",
			Help:    "Tokens per call; input includes cached input.",
			Buckets: []float64{1, 4, 16, 64, 256, 1024, 4096, 16384, 65536, 262144, 1048576, 4194304},
		}, []string{"gen_ai_provider_name", "gen_ai_request_model", "gen_ai_token_type"}),
		attempts: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name:    "gen_ai_client_operation_duration_seconds",
			Help:    "Time of one attempt at a provider.",
			Buckets: durationBuckets,
		}, []string{"gen_ai_operation_name", "gen_ai_provider_name", "error_type"}),
		spared: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "sluice_target_spared_total",
			Help: "Times that a target was passed over without being asked, by why.",
		}, []string{"gen_ai_provider_name", "reason"}),
		denied: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "sluice_retries_denied_total",
			Help: "Calls that were not tried again because the retry budget of their route was used up.",
		}, []string{"gen_ai_provider_name"}),
		target: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "sluice_target_circuit_state",
			Help: "Circuit breaker of a target: 0 closed, 1 half-open, 2 open.",
		}, []string{"target"}),
	}
	m.seatless = prometheus.NewCounter(prometheus.CounterOpts{
		Name: "sluice_connections_refused_total",
		Help: "Connections of callers that were closed because too many were open.",
	})
	m.unframed = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "sluice_requests_refused_total",
		Help: "Requests that were no proper HTTP and were refused before they became calls, by what was wrong.",
	}, []string{"why"})
	reg.MustRegister(m.seatless, m.unframed)
	reg.MustRegister(m.duration, m.firstToken, m.tokens, m.attempts, m.spared, m.denied, m.target)
	return m
}

// durationBuckets are those that the convention advises for durations.
var durationBuckets = []float64{0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92}

// SetTarget shows the state of a target's circuit breaker: 0 closed, 1 half-open, 2
// open.
func (m *Metrics) SetTarget(target string, state int) {
	m.target.WithLabelValues(target).Set(float64(state))
}

// RefusedConnection counts a connection for which there was no room.
func (m *Metrics) RefusedConnection() { m.seatless.Inc() }

// RefusedRequest counts a request that was refused below HTTP. why is one of few words.
func (m *Metrics) RefusedRequest(why string) { m.unframed.WithLabelValues(why).Inc() }

// ForgetTarget removes a target that a reload dropped.
func (m *Metrics) ForgetTarget(target string) { m.target.DeleteLabelValues(target) }

// Record implements [Sink].
func (m *Metrics) Record(r *Receipt) {
	failed := r.Reason != sluicev1.ErrorReason_ERROR_REASON_UNSPECIFIED
	errorType := ""
	if failed {
		errorType = fault.ReasonName(r.Reason)
	}
	model := m.models.label(r.RequestModel, !failed)
	m.duration.WithLabelValues(r.Door, string(r.Operation), r.Provider, model, errorType).Observe(r.Duration.Seconds())
	if r.FirstToken > 0 {
		m.firstToken.WithLabelValues(r.Provider, model).Observe(r.FirstToken.Seconds())
	}
	if r.Tokens.Input > 0 {
		m.tokens.WithLabelValues(r.Provider, model, "input").Observe(float64(r.Tokens.Input))
	}
	if r.Tokens.Output > 0 {
		m.tokens.WithLabelValues(r.Provider, model, "output").Observe(float64(r.Tokens.Output))
	}
	if r.BudgetSpent {
		m.denied.WithLabelValues(r.Provider).Inc()
	}
	for i := range r.Attempts {
		a := &r.Attempts[i]
		if a.Spared {
			m.spared.WithLabelValues(a.Provider, a.Outcome).Inc()
			continue
		}
		outcome := a.failure()
		if outcome == outcomeOK {
			outcome = ""
		}
		m.attempts.WithLabelValues(string(r.Operation), a.Provider, outcome).Observe(a.Duration.Seconds())
	}
}

// labels is the bounded set of names that have earned a label of their own: those
// of calls that succeeded. What callers invent never gets in.
type labels struct {
	mu sync.RWMutex
	// names holds copies, guarded by mu: a call's own name may refer to all of its request.
	names map[string]string
}

func (l *labels) label(name string, earned bool) string {
	l.mu.RLock()
	label, known := l.names[name]
	room := len(l.names) < maxModelLabels
	l.mu.RUnlock()
	if known {
		return label
	}
	if !earned || !room || len(name) > maxLoggedName {
		return "other"
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.names == nil {
		l.names = make(map[string]string)
	}
	if len(l.names) >= maxModelLabels { // others came first
		return "other"
	}
	if label, known = l.names[name]; !known {
		label = strings.Clone(name)
		l.names[label] = label
	}
	return label
}
