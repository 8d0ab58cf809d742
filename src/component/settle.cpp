#include "component/settle.hpp"

#include "component/choice.hpp"

#include <algorithm>

namespace miraclemax::component {
namespace {

// The value of the highest rank that says anything.
const std::string* first_of(const Candidate& candidate, const std::string& word) {
    for (const auto& saying : candidate.sayings)
        if (const auto* const value = value_of(saying.choice, word); value != nullptr && *value)
            return &**value;
    return nullptr;
}

// The default only speaks where nobody else does.
Encryption strictest(const Candidate& candidate, Encryption silent) {
    std::optional<Encryption> strictest;
    for (const auto& saying : candidate.sayings)
        if (saying.choice.encryption) {
            const auto value = encryption_from(*saying.choice.encryption);
            if (value && (!strictest || *value < *strictest)) // declared from the strictest on
                strictest = value;
        }
    return strictest.value_or(silent);
}

// nullopt: nobody asked. A higher rank that names the thing and leaves `backup` out asks for it.
std::optional<Backup> decide(const Candidate& candidate, std::vector<std::string>& warnings) {
    bool named = false;
    for (const auto& saying : candidate.sayings) {
        if (const auto& word = saying.choice.backup) {
            auto backup = backup_from(*word);
            if (named && backup == Backup::no) {
                warnings.push_back(candidate.what() + " is backed up because the " +
                                   candidate.sayings.front().whose + " names it, though the " + saying.whose +
                                   " says miraclemax.backup=false");
                backup = Backup::yes;
            }
            return backup;
        }
        named = named || saying.from != Saying::From::volume;
    }
    return named ? std::optional(Backup::yes) : std::nullopt;
}

// True where a right value of higher rank makes a wrong one harmless.
bool outranked(const Candidate& candidate, std::size_t rank, const std::string& word) {
    for (std::size_t higher = 0; higher < rank; ++higher) {
        const auto& choice = candidate.sayings[higher].choice;
        if (word == "encryption") {
            if (choice.encryption == "required") // nothing can be stricter
                return true;
        } else if (word == "exclude") {
            if (choice.exclude)
                return true;
        } else if (const auto* const value = value_of(choice, word); value != nullptr && *value) {
            return true;
        }
    }
    return false;
}

void judge_faults(const Candidate& candidate, std::vector<Problem>& problems,
                  std::vector<std::string>& warnings) {
    for (std::size_t rank = 0; rank < candidate.sayings.size(); ++rank)
        for (const auto& fault : candidate.sayings[rank].faults) {
            if (outranked(candidate, rank, fault.word))
                warnings.push_back(fault.what + ", which is wrong; the " + candidate.sayings.front().whose +
                                   " replaces it");
            else
                problems.push_back({candidate.name(), fault.what, fault.remedy});
        }
    for (const auto& conflict : candidate.conflicts)
        problems.push_back({candidate.name(), conflict.what, conflict.remedy});
    if (!is_name(candidate.name()))
        problems.push_back({candidate.name(),
                            candidate.what() + " has a name that can't become a component's",
                            "give one with `component` (" + remedy_for("component", "").value_or("") + ")"});
}

// A wrong `backup` is a wish that can't be read: the component fails, it isn't left out.
bool wish_unclear(const Candidate& candidate) {
    for (std::size_t rank = 0; rank < candidate.sayings.size(); ++rank)
        for (const auto& fault : candidate.sayings[rank].faults)
            if (fault.word == "backup" && !outranked(candidate, rank, fault.word))
                return true;
    return false;
}

Component make(const Candidate& candidate, Encryption encryption_default, bool optional) {
    Component component{.name = candidate.name(),
                        .category = "volumes",
                        .encryption = strictest(candidate, encryption_default),
                        .optional = optional,
                        .source = candidate.source,
                        .selected_by = candidate.sayings.front().whose};
    if (const auto* const value = first_of(candidate, "category"))
        component.category = *value;
    if (const auto* const value = first_of(candidate, "priority"))
        component.priority = priority_from(*value).value_or(Priority::medium);
    if (const auto* const value = first_of(candidate, "quiesce"))
        component.quiesce = quiesce_from(*value).value_or(Quiesce::automatic);
    if (const auto* const value = first_of(candidate, "group"))
        component.group = *value;
    if (const auto* const value = first_of(candidate, "max-freeze"))
        component.max_freeze = duration_from(*value);
    for (const auto& saying : candidate.sayings)
        if (saying.choice.exclude) {
            component.exclude = *saying.choice.exclude;
            break;
        }
    return component;
}

} // namespace

void settle(const Candidate& candidate, Encryption encryption_default, Discovery& found) {
    const auto wish = decide(candidate, found.warnings);
    if (!wish_unclear(candidate) && candidate.conflicts.empty()) {
        if (!wish) {
            found.excluded.push_back({candidate.what(), candidate.anonymous
                                                            ? "anonymous, and nothing names it"
                                                            : "no label miraclemax.backup"});
            return;
        }
        if (*wish == Backup::no) {
            found.excluded.push_back(
                {candidate.what(), "the " + candidate.sayings.front().whose + " says backup=false"});
            return;
        }
    }
    const auto before = found.problems.size();
    judge_faults(candidate, found.problems, found.warnings);
    if (found.problems.size() != before)
        return;
    if (candidate.anonymous)
        found.warnings.push_back(candidate.what() +
                                 " is anonymous: its container gets another one when it is " +
                                 "created anew; give the volume a name");
    found.components.push_back(make(candidate, encryption_default, wish == Backup::only_full));
}

} // namespace miraclemax::component
