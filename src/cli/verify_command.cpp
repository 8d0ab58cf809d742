#include "cli/commands.hpp"

#include "cli/observers.hpp"
#include "cli/terminal.hpp"
#include "cli/text.hpp"
#include "cli/verify_report.hpp"
#include "run/recording.hpp"
#include "run/rehearsals.hpp"

#include <charconv>
#include <iostream>

namespace miraclemax::cli {
namespace {

// "5" or "5%".
double percent_of(std::string text) {
    if (text.ends_with('%'))
        text.pop_back();
    double value = 0;
    const auto [end, trouble] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (trouble != std::errc() || end != text.data() + text.size() || !(value > 0) || value > 100)
        throw Error(ExitCode::usage, "--sample " + text + " is no part of a hundred",
                    "give it as --sample 5%");
    return value;
}

// What only looks at stored files needs no podman, nor do rehearsals outside a container: their workers are
// children of this process.
class OnDemand {
public:
    OnDemand(const Composition& composition, const Setup& setup, std::stop_token stop)
        : composition_(composition), setup_(setup), stop_(std::move(stop)) {}

    const run::Context& operator()() {
        if (!context_) {
            const auto self_id = composition_.self_id();
            engine_ =
                self_id ? composition_.connect(setup_.socket) : composition_.connect_on_use(setup_.socket);
            observer_ = observe(Form::lines, std::cerr, [] { return false; });
            context_.emplace(run::Context{.settings = setup_.settings,
                                          .engine = *engine_,
                                          .self_id = self_id,
                                          .observer = *observer_,
                                          .stop = stop_});
        }
        return *context_;
    }

private:
    const Composition& composition_;
    const Setup& setup_;
    std::stop_token stop_;
    std::unique_ptr<podman::Engine> engine_;
    std::unique_ptr<run::Observer> observer_;
    std::optional<run::Context> context_;
};

run::VerifyResult follow(const run::Settings& settings, const run::VerifyRequest& request,
                         const std::function<const run::Context&()>& context, Form form,
                         const std::stop_token& stop, const std::string& only = {}) {
    Meter meter(form, std::cout, stdout_takes_more);
    run::Rehearsals rehearsals(context, only);
    return run::verify(
        settings, request,
        [&](const auto& keys, const auto& record, const auto& backup, const auto& progress) {
            return rehearsals(keys, record, backup, progress);
        },
        {.examined = [&](const auto& id, auto bytes, auto of) { meter.show(id, bytes, of); },
         .rehearsed = [&](const auto& id, const auto& component, auto bytes,
                          auto of) { meter.show(id + " " + component, bytes, of); },
         .ended =
             [&](const run::Verified& verified) {
                 meter.clear();
                 if (form != Form::json)
                     print_verified(verified, std::cout);
             }},
        stop);
}

} // namespace

run::PrivateKeys Commands::private_keys(const run::Settings& settings, run::KeyRequest request) const {
    if (has_terminal())
        request.ask = [this](const std::string& prompt) { return ask_secret(prompt, stop_); };
    return run::load_private_keys(settings, request);
}

// A key that merely lies there and can't be used is no reason to make no backup.
run::PrivateKeys Commands::keys_for_proof(const run::Context& context) const {
    try {
        return private_keys(context.settings, options_.verify.keys);
    } catch (const Error& error) {
        if (error.code() != ExitCode::key || !options_.verify.keys.files.empty())
            throw;
        context.observer.warned(std::string("the backup will not be opened to prove it: ") + error.what());
        return {};
    }
}

ExitCode Commands::verify() {
    const auto& wish = options_.verify;
    if (int{wish.latest} + int{wish.request.all} + int{!wish.request.ids.empty()} > 1)
        throw Error(ExitCode::usage, "an ID, --latest and --all exclude each other", "choose one");
    auto request = wish.request;
    if (!wish.sample.empty())
        request.sample = percent_of(wish.sample);
    if (wish.latest)
        request.ids = {"latest"};
    const bool deep = wish.deep || request.sample > 0;
    if (!deep && (!wish.keys.files.empty() || !wish.keys.passphrase_file.empty()))
        throw Error(ExitCode::usage, "a key is only needed to open the archives", "add --deep");
    const auto setup = load();
    // That this host does not sign is its configuration, and no surprise to its own planned run.
    if (!options_.planned.empty() && !setup.settings.signing)
        request.trust.unsigned_is_fine = true;
    if (deep) {
        request.depth = run::Depth::deep;
        request.keys = private_keys(setup.settings, wish.keys);
    }
    OnDemand context(composition_, setup, stop_);
    return run::recorded(
        setup.settings, "verify", options_.planned, warn_on_stderr, [&](catalog::RunRecord& record) {
            record.partial = !request.all || request.sample > 0 || !request.components.empty();
            const auto result = follow(
                setup.settings, request, [&]() -> const run::Context& { return context(); },
                form_of(options_.json), stop_);
            print_verify_result(result, options_.json, std::cout);
            run::describe(record, result);
            return result.code();
        });
}

run::VerifyResult Commands::open_within(const run::Context& context, const run::VerifyRequest& request,
                                        const std::string& only) const {
    auto result = follow(
        context.settings, request, [&]() -> const run::Context& { return context; }, form_of(options_.json),
        stop_, only);
    if (options_.json)
        print_verified_event(result, std::cout);
    else
        print_verify_result(result, false, std::cout);
    return result;
}

ExitCode Commands::prove(const run::Context& context, const std::string& id, run::PrivateKeys keys) const {
    run::VerifyRequest request{.ids = {id}, .depth = run::Depth::deep_if_possible, .keys = std::move(keys)};
    // That this host does not sign is its configuration, and no surprise.
    request.trust.unsigned_is_fine = !context.settings.signing;
    return open_within(context, request).code();
}

} // namespace miraclemax::cli
