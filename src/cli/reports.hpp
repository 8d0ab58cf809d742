// The printed form of what commands find: text for people, JSON for scripts.
#pragma once

#include "catalog/proofs.hpp"
#include "run/backup.hpp"
#include "run/check.hpp"
#include "run/plan.hpp"
#include "run/prune.hpp"
#include "run/recover.hpp"
#include "run/replicate.hpp"
#include "telemetry/status.hpp"

#include <iosfwd>

namespace miraclemax::cli {

void print_plan(const run::Plan& plan, bool json, std::ostream& out);
void print_list(const std::vector<catalog::Record>& records, const catalog::Proofs& proofs, bool json,
                std::ostream& out);
void print_backup(const catalog::Manifest& manifest, const std::string& folder, std::ostream& out); // `show`
// The manifest, and "proof" beside its fields.
void print_backup_json(const catalog::Manifest& manifest, const std::optional<catalog::Proof>& proof,
                       std::ostream& out);
void print_result(const run::BackupResult& result, const std::string& folder, bool json, std::ostream& out);
void print_findings(const std::vector<run::Finding>& findings, bool json, std::ostream& out);
void print_pruned(const run::PruneResult& result, bool dry_run, bool json, std::ostream& out);
void print_status(const telemetry::Status& status, std::ostream& out);
void print_tier(const run::TierResult& tier, bool dry_run, std::ostream& out);
void print_replicated_json(const run::ReplicateResult& result, bool dry_run, std::ostream& out);
void print_set_up(const std::vector<std::string>& thoughts, bool json, std::ostream& out);
void print_recovery(const run::Recovery& recovery, bool json, std::ostream& out);

} // namespace miraclemax::cli
