using Cuvee.Formats;
using Cuvee.Server.Engine;
using Cuvee.Server.Http;
using Cuvee.Server.Keys;
using Cuvee.Server.Routes;

namespace Cuvee.Server.Dialects;

/// <summary>SGLang's own routes as far as our client uses them. A request for log-probabilities is scored and generates nothing.</summary>
internal sealed class SglangRoutes(ServedPool served, DialectEngine engine, UploadedAdapters uploads)
{
    public void Map(WebApplication app)
    {
        app.MapGet("/get_model_info", context => JsonReply.WriteAsync(context, new { ModelPath = served.Name }, context.RequestAborted));
        app.MapPost("/load_lora_adapter", context => ChangeAsync(context, withPath: true));
        app.MapPost("/unload_lora_adapter", context => ChangeAsync(context, withPath: false));
        app.MapPost("/generate", GenerateAsync);
    }

    private async Task ChangeAsync(HttpContext context, bool withPath)
    {
        context.Features.GetRequiredFeature<Tenant>().Require(KeyRights.Score);
        using var document = await engine.ReadAsync(context).ConfigureAwait(false);
        var name = document.Root["lora_name"].Text();
        string? problem = null;
        try
        {
            if (withPath) uploads.Load(name, document.Root["lora_path"].Text());
            else if (!uploads.Unload(name)) problem = $"LoRA with name {name} does not exist.";
        }
        catch (Exception exception) when (exception is BadInputException or ServiceException)
        {
            problem = exception.Message;
        }

        if (problem is not null) context.Response.StatusCode = 400;
        await JsonReply.WriteAsync(
            context, new { Success = problem is null, ErrorMessage = problem, Message = problem, LoadedAdapters = uploads.Names },
            context.RequestAborted).ConfigureAwait(false);
    }

    private async Task GenerateAsync(HttpContext context)
    {
        using var document = await engine.ReadAsync(context).ConfigureAwait(false);
        var root = document.Root;
        var ids = engine.Ids(root["input_ids"]);
        var name = root.Find("lora_path")?.Text();
        var recipe = name is null ? served.Base
            : uploads.Find(name) ?? throw new BadInputException($"The LoRA adapter '{name}' is not loaded.");
        if (RequestFields.Flag(root, "return_logprob"))
        {
            // The entry at the start itself has nothing before it that is told.
            var start = root.Find("logprob_start_len")?.Integer(0, ids.Length - 1) ?? 0;
            var scores = engine.Has(ServerFault.SilentEcho) || start == ids.Length - 1
                ? []
                : await engine.ScoreAsync(context, recipe, ids, start + 1).ConfigureAwait(false);
            object?[][] entries = [[null, ids[start], null], .. scores.Select((score, i) => (object?[])[score, ids[start + 1 + i], null])];
            await WriteAsync(context, "", new
            {
                PromptTokens = ids.Length,
                CompletionTokens = 0,
                FinishReason = new { Type = "length", Length = 0 },
                InputTokenLogprobs = engine.Has(ServerFault.SilentEcho) ? [] : entries,
            }).ConfigureAwait(false);
            return;
        }

        var settings = root["sampling_params"];
        var most = settings.Find("max_new_tokens")?.Integer(1) ?? 128;
        var sampling = RequestFields.Sampling(settings, most, served.Config.MaxPositionEmbeddings - ids.Length) with
        {
            MaxTokens = Math.Min(most, served.Config.MaxPositionEmbeddings - ids.Length),
        };
        var closing = DialectEngine.StopTokens(settings);
        var stop = DialectEngine.Texts(settings.Find("stop"));
        var answer = await engine.GenerateAsync(context, recipe, ids, sampling, stop, closing).ConfigureAwait(false);
        await WriteAsync(context, answer.Text, new
        {
            PromptTokens = ids.Length,
            CompletionTokens = answer.Tokens,
            FinishReason = new { Type = answer.FinishReason, Matched = DialectEngine.Matched(answer, stop) },
        }).ConfigureAwait(false);
    }

    private static Task WriteAsync(HttpContext context, string text, object meta) =>
        JsonReply.WriteAsync(context, new { Text = text, MetaInfo = meta }, context.RequestAborted);
}
