// One function a verb. Each returns the exit code or throws Error.
#pragma once

#include "catalog/run_record.hpp"
#include "cli/command_line.hpp"
#include "cli/install_options.hpp"
#include "error.hpp"
#include "run/plan.hpp"
#include "run/replicate.hpp"
#include "run/restore.hpp"
#include "run/verify.hpp"

#include "store/backup_folder.hpp"

#include <atomic>
#include <stop_token>

namespace miraclemax::cli {

struct RestoreOptions {
    run::RestoreRequest request;
    bool latest = false;
    bool dry_run = false;
    bool verify_only = false;
    bool force = false;
    bool undo = false;
    bool discard_old = false;
};

struct VerifyOptions {
    run::VerifyRequest request;
    run::KeyRequest keys; // of `backup --verify` too
    bool latest = false;
    bool deep = false;
    std::string sample;
};

struct Options {
    std::string config_file;
    bool json = false;
    bool dry_run = false;
    bool export_key = false;
    run::Request request;
    RestoreOptions restore;
    VerifyOptions verify;
    run::ReplicateRequest replicate;
    bool init = false;   // `replicate --init`
    bool prove = false;  // `backup --verify`
    std::string planned; // of a run that `serve` starts: the time that it was planned for
    bool health = false; // `check --health`
    bool let_go = false; // `keep --off`
    std::string gone;    // `prune --gone`
    std::atomic<unsigned>* hangups = nullptr; // `serve`: counts SIGHUPs
    std::string backup = "latest";            // `show`
    InstallOptions install;                   // `install`
    worker::Control control;                  // `worker`
};

class Commands {
public:
    Commands(const Composition& composition, const Options& options, std::stop_token stop)
        : composition_(composition), options_(options), stop_(std::move(stop)) {}

    ExitCode backup();
    ExitCode plan();
    ExitCode list();
    ExitCode show();
    ExitCode restore();
    ExitCode verify();
    ExitCode recover();
    ExitCode check();
    ExitCode serve();
    ExitCode key();
    ExitCode config();
    ExitCode prune();
    ExitCode replicate();
    ExitCode keep();
    ExitCode status();
    ExitCode install();

private:
    ExitCode back_up(const Setup& setup, catalog::RunRecord& record);
    // After a run that was whole: what retention lets go is removed. A failure of it is told, and no more.
    void prune_after(const run::Settings& settings) const;
    [[nodiscard]] ExitCode vouch_for_gone(const run::Settings& settings) const; // `prune --gone`
    [[nodiscard]] ExitCode set_up_tiers(const run::Settings& settings) const;   // `replicate --init`
    struct Reached {
        std::unique_ptr<podman::Engine> engine;
        std::optional<Error> not_there; // why it only connects when it is used
    };
    // What may go without podman does so where it isn't there. Not in a container: there the workers are
    // containers too.
    [[nodiscard]] Reached reach_podman(const Setup& setup, bool may_go_without) const;
    ExitCode recover_without_podman(const Setup& setup, podman::Engine& engine, const Error& why);
    ExitCode check_health(const Setup& setup) const;
    // As `verify` does, within a run that tells of other things too. `only`: as in rehearse().
    [[nodiscard]] run::VerifyResult open_within(const run::Context& context,
                                                const run::VerifyRequest& request,
                                                const std::string& only = {}) const;
    // A backup that was just made: examined, and opened as far as a key is at hand.
    ExitCode prove(const run::Context& context, const std::string& id, run::PrivateKeys keys) const;
    [[nodiscard]] run::PrivateKeys keys_for_proof(const run::Context& context) const;
    [[nodiscard]] run::PrivateKeys private_keys(const run::Settings& settings,
                                                run::KeyRequest request) const; // may ask
    ExitCode undo_or_discard(const run::Context& context, run::RestoreObserver& follow,
                             store::BackupFolder& folder);
    // `restore --verify-only`
    ExitCode verify_planned(const run::Context& context, const run::RestorePlan& plan,
                            const catalog::Catalog& catalog) const;
    ExitCode carry_out(const run::Context& context, run::RestoreObserver& follow, run::RestorePlan plan,
                       const run::RestoreRequest& request, store::BackupFolder& folder) const;
    [[nodiscard]] Setup load() const { return composition_.load(options_.config_file); }

    const Composition& composition_;
    const Options& options_;
    std::stop_token stop_;
};

} // namespace miraclemax::cli
