// A restore, shown: its plan, its way, its end.
#pragma once

#include "cli/observers.hpp"
#include "run/restore.hpp"

#include <functional>
#include <iosfwd>
#include <memory>

namespace miraclemax::cli {

// As observe(): bars, lines or JSON events. Used by one thread.
std::unique_ptr<run::RestoreObserver> follow_restore(Form form, std::ostream& out,
                                                     std::function<bool()> takes_more);

[[nodiscard]] bool needs_keys(const run::RestorePlan& plan); // an archive is encrypted
void print_restore_plan(const run::RestorePlan& plan, const run::RestoreRequest& request, bool as_json,
                        std::ostream& out);
// rehearsal: nothing was restored, only read and compared.
void print_restore_result(const run::RestoreResult& result, bool rehearsal, bool as_json, std::ostream& out);
// Once more at the end, where it is read: the plan's warnings tell of it too. As text.
void print_left_out(const std::vector<run::LeftOut>& left_out, std::ostream& out);
// The end of `--undo`, and of `--discard-old`.
void print_way_back(const std::vector<std::string>& components, bool undone, bool as_json, std::ostream& out);

} // namespace miraclemax::cli
