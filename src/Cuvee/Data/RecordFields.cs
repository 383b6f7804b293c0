using System.Text.Json;
using Cuvee.Formats.Json;
using Cuvee.LanguageModels.Chat;

namespace Cuvee.Data;

/// <summary>
/// The fields of one record, checked: a field that is missing, empty or of the wrong type is an error that names it. Further columns are
/// the user's own.
/// </summary>
/// <param name="record">Its source names file and line.</param>
internal readonly struct RecordFields(JsonField record)
{
    public static readonly JsonDocumentKind Kind =
        new("a record", MaxBytes: 64 << 20, MaxDepth: 64, "correct it or remove the record");

    public string Required(string field)
    {
        if (!record.Has(field))
        {
            if (field == "prompt" && record.Has("instruction"))
                throw record.Error(field, "is missing; records of instruction, input and output (alpaca) belong in one JSON array, [...]");
            var found = string.Join(", ", record.Members().Take(8).Select(member => $"\"{member.Key}\""));
            throw record.Error(field, $"is missing; add it{(found.Length > 0 ? $" (the record has {found})" : "")}");
        }

        var text = record[field].Text();
        return text.Length > 0 ? text : throw record.Error(field, "is empty; give a text or remove the record");
    }

    /// <summary>Null when the field is absent or null.</summary>
    public string? Optional(string field) => record.Find(field)?.Text();

    /// <summary>A text or an integer; <paramref name="position"/> when absent.</summary>
    public string Id(int position)
    {
        if (!record.Has("id")) return position.ToString();
        var id = record["id"];
        if (id.Value.ValueKind == JsonValueKind.Number && id.Value.TryGetInt64(out var number)) return number.ToString();
        var text = id.Text();
        return text.Length > 0 ? text : throw id.Error("is empty; give a text or leave the field out");
    }

    /// <summary>The turns of <c>messages</c>; null when the record has none.</summary>
    public IReadOnlyList<ChatMessage>? Messages() => record.Find("messages") is not { } list
        ? null
        : [.. list.Items().Select(turn => turn["content"] is { IsText: true } content
            ? new ChatMessage(turn["role"].Text(), content.Text())
            : throw turn.Error("content", "is no text; only conversations in text can be scored"))];

    /// <summary>Earlier turns as [question, answer] pairs; empty when the field is absent or null.</summary>
    public IReadOnlyList<(string Question, string Answer)> Turns(string field)
    {
        if (record.Find(field) is not { } value) return [];
        return [.. value.Items().Select(turn => turn.IsList && turn.Items().ToList() is [var question, var answer]
            ? (question.Text(), answer.Text())
            : throw turn.Error("must be a [question, answer] pair"))];
    }
}
