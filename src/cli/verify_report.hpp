// What a verification found, and when a backup was last proven.
#pragma once

#include "cli/observers.hpp"
#include "run/verify.hpp"

#include <chrono>
#include <iosfwd>

namespace miraclemax::cli {

// How far it is, on one line of a terminal that is drawn over; nothing in the other forms. One thread.
class Meter {
public:
    Meter(Form form, std::ostream& out, std::function<bool()> takes_more);
    void show(const std::string& what, std::uint64_t bytes, std::uint64_t of);
    void clear(); // before anything else is written

private:
    bool draws_;
    std::ostream& out_;
    std::function<bool()> takes_more_;
    std::chrono::steady_clock::time_point drawn_{};
    bool shown_ = false;
};

void print_verified(const run::Verified& verified, std::ostream& out); // as text
void print_verify_result(const run::VerifyResult& result, bool as_json, std::ostream& out);
// One line of JSON, the event "verified" of a backup's run.
void print_verified_event(const run::VerifyResult& result, std::ostream& out);

// "2025-10-16 deep" (every archive was opened by then), "2025-10-16", "never", "FAULTY".
[[nodiscard]] std::string proven_text(const std::optional<catalog::Proof>& proof,
                                      const std::optional<catalog::Manifest>& manifest);
[[nodiscard]] std::string proof_json(const std::optional<catalog::Proof>& proof); // an object, or null
void print_proof(const std::optional<catalog::Proof>& proof, const catalog::Manifest& manifest,
                 std::ostream& out);

} // namespace miraclemax::cli
