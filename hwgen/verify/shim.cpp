// Drives one compiled design from batches of words: an input stream, an output stream, taps.
//
// The same source serves two simulators, chosen when it is compiled:
//   Verilator: its class is Vmodel, from "Vmodel.h".   -DHWGEN_TRACE adds waveforms.
//   CXXRTL:    -DHWGEN_CXXRTL, its class is HWGEN_TOP, from "model.cc".
// -DHWGEN_TAPS adds the port `taps`, recorded whole in every cycle.
//
// A payload crosses as 32-bit words, lowest bits first. Cycle 0 is the first one after reset.

#include <cstdint>
#include <memory>
#include <type_traits>

#ifdef HWGEN_CXXRTL
#include "model.cc"
#include <cxxrtl/cxxrtl_vcd.h>
#include <fstream>
#else
#include "Vmodel.h"
#include "verilated.h"
#ifdef HWGEN_TRACE
#include "verilated_vcd_c.h"
#endif
#endif

namespace {

#ifdef HWGEN_CXXRTL

template <size_t Bits> void store(cxxrtl::value<Bits> &port, const uint32_t *words) {
    for (size_t index = 0; index < cxxrtl::value<Bits>::chunks; index++)
        port.data[index] = words[index];
}

template <size_t Bits> size_t load(const cxxrtl::value<Bits> &port, uint32_t *words) {
    for (size_t index = 0; index < cxxrtl::value<Bits>::chunks; index++)
        words[index] = port.data[index];
    return cxxrtl::value<Bits>::chunks;
}

template <size_t Bits> size_t load(const cxxrtl::wire<Bits> &port, uint32_t *words) {
    return load(port.curr, words);
}

class Simulator {
  public:
    explicit Simulator(const char *trace) : time_(0) {
        if (trace != nullptr) {
            file_.open(trace);
            cxxrtl::debug_items items;
            model_.debug_info(&items, nullptr, "");
            writer_.timescale(1, "ns");
            writer_.add(items);
            tracing_ = true;
        }
    }
    void clock(bool level) {
        const uint32_t word = level;
        store(model_.p_clk, &word);
        model_.step();
        if (tracing_) {
            writer_.sample(time_);
            file_ << writer_.buffer;
            writer_.buffer.clear();
        }
        time_ += 5;
    }
    void reset(uint32_t word) { store(model_.p_rst, &word); }
    void i_valid(uint32_t word) { store(model_.p_i__valid, &word); }
    void o_ready(uint32_t word) { store(model_.p_o__ready, &word); }
    void i_payload(const uint32_t *words) { store(model_.p_i__payload, words); }
    bool i_ready() const { return flag(model_.p_i__ready); }
    bool o_valid() const { return flag(model_.p_o__valid); }
    size_t o_payload(uint32_t *words) const { return load(model_.p_o__payload, words); }
#ifdef HWGEN_TAPS
    size_t taps(uint32_t *words) const { return load(model_.p_taps, words); }
#endif

  private:
    template <typename Port> static bool flag(const Port &port) {
        uint32_t word;
        load(port, &word);
        return word != 0;
    }
    cxxrtl_design::HWGEN_TOP model_;
    cxxrtl::vcd_writer writer_;
    std::ofstream file_;
    uint64_t time_;
    bool tracing_ = false;
};

#else

template <typename Port>
std::enable_if_t<std::is_integral_v<Port>> store(Port &port, const uint32_t *words) {
    if constexpr (sizeof(Port) <= 4)
        port = static_cast<Port>(words[0]);
    else
        port = words[0] | static_cast<uint64_t>(words[1]) << 32;
}

template <std::size_t Words> void store(VlWide<Words> &port, const uint32_t *words) {
    for (std::size_t index = 0; index < Words; index++)
        port[index] = words[index];
}

template <typename Port>
std::enable_if_t<std::is_integral_v<Port>, size_t> load(const Port &port, uint32_t *words) {
    words[0] = static_cast<uint32_t>(port);
    if constexpr (sizeof(Port) <= 4)
        return 1;
    else {
        words[1] = static_cast<uint32_t>(port >> 32);
        return 2;
    }
}

template <std::size_t Words> size_t load(const VlWide<Words> &port, uint32_t *words) {
    for (std::size_t index = 0; index < Words; index++)
        words[index] = port[index];
    return Words;
}

class Simulator {
  public:
    explicit Simulator(const char *trace) {
#ifdef HWGEN_TRACE
        context_.traceEverOn(true);
#endif
        model_ = std::make_unique<Vmodel>(&context_);
#ifdef HWGEN_TRACE
        if (trace != nullptr) {
            model_->trace(&file_, 99);
            file_.open(trace);
        }
#endif
        (void)trace;
    }
    ~Simulator() {
#ifdef HWGEN_TRACE
        file_.close();
#endif
        model_->final();
    }
    void clock(bool level) {
        model_->clk = level;
        model_->eval();
#ifdef HWGEN_TRACE
        if (file_.isOpen())
            file_.dump(context_.time());
#endif
        context_.timeInc(5);
    }
    void reset(uint32_t word) { store(model_->rst, &word); }
    void i_valid(uint32_t word) { store(model_->i_valid, &word); }
    void o_ready(uint32_t word) { store(model_->o_ready, &word); }
    void i_payload(const uint32_t *words) { store(model_->i_payload, words); }
    bool i_ready() const { return model_->i_ready; }
    bool o_valid() const { return model_->o_valid; }
    size_t o_payload(uint32_t *words) const { return load(model_->o_payload, words); }
#ifdef HWGEN_TAPS
    size_t taps(uint32_t *words) const { return load(model_->taps, words); }
#endif

  private:
    VerilatedContext context_;
    std::unique_ptr<Vmodel> model_;
#ifdef HWGEN_TRACE
    VerilatedVcdC file_;
#endif
};

#endif

} // namespace

// One run and what it gives. `taps` may be null.
struct Stretch {
    const uint32_t *input;     // inputs * input_words
    uint32_t *output;          // outputs * output_words
    int64_t *input_cycles;     // cycle in which each input was accepted
    int64_t *output_cycles;    // cycle in which each output was taken
    const uint8_t *in_stall;   // per cycle: the source does not start to offer
    const uint8_t *out_stall;  // per cycle: the sink is not ready
    uint32_t *taps;            // cycles * tap words
    int64_t inputs, outputs, input_words, output_words;
    int64_t in_stalls, out_stalls; // lengths of the stall vectors; no stalls past them
    int64_t cycles;            // run at most so many
    int64_t patience;          // stop after so many cycles without a transfer
    int64_t accepted, taken;   // results: transfers on either side
};

extern "C" {

void *hwgen_open(const char *trace) {
    auto *simulator = new Simulator(trace);
    simulator->reset(1);
    simulator->i_valid(0);
    simulator->o_ready(0);
    for (int edge = 0; edge < 4; edge++)
        simulator->clock(edge & 1);
    simulator->reset(0);
    return simulator;
}

void hwgen_close(void *handle) { delete static_cast<Simulator *>(handle); }

// Toggle the clock for so many cycles with both sides always willing, words taken in turn: the least
// that any use of the model costs.
void hwgen_spin(void *handle, const uint32_t *input, int64_t inputs, int64_t input_words,
                int64_t cycles) {
    auto &simulator = *static_cast<Simulator *>(handle);
    simulator.i_valid(1);
    simulator.o_ready(1);
    for (int64_t cycle = 0, at = 0; cycle < cycles; cycle++) {
        simulator.i_payload(input + at * input_words);
        at = at + 1 < inputs ? at + 1 : 0;
        simulator.clock(false);
        simulator.clock(true);
    }
}

// Run until all outputs came, `cycles` passed or nothing moved for `patience` cycles.
// Returns the cycles run.
int64_t hwgen_run(void *handle, Stretch *s) {
    auto &simulator = *static_cast<Simulator *>(handle);
    bool offering = false;
    int64_t cycle = 0, moved = 0;
    size_t tap_words = 0;
    for (; cycle < s->cycles && s->taken < s->outputs && cycle - moved <= s->patience; cycle++) {
        if (!offering && s->accepted < s->inputs) {
            offering = !(cycle < s->in_stalls && s->in_stall[cycle]);
            if (offering)
                simulator.i_payload(s->input + s->accepted * s->input_words);
        }
        const bool ready = !(cycle < s->out_stalls && s->out_stall[cycle]);
        simulator.i_valid(offering);
        simulator.o_ready(ready);
        simulator.clock(false);
        if (offering && simulator.i_ready()) {
            s->input_cycles[s->accepted++] = cycle;
            offering = false;
            moved = cycle;
        }
        if (ready && simulator.o_valid()) {
            simulator.o_payload(s->output + s->taken * s->output_words);
            s->output_cycles[s->taken++] = cycle;
            moved = cycle;
        }
#ifdef HWGEN_TAPS
        if (s->taps != nullptr)
            tap_words = simulator.taps(s->taps + cycle * tap_words);
#endif
        simulator.clock(true);
    }
    (void)tap_words;
    return cycle;
}
}
