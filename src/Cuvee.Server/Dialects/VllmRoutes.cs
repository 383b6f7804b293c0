using Cuvee.Server.Engine;
using Cuvee.Server.Http;
using Cuvee.Server.Keys;
using Cuvee.Server.Routes;

namespace Cuvee.Server.Dialects;

/// <summary>
/// vLLM's routes as far as our client uses them: adapters at run time, log-probabilities of a prompt by <c>echo</c>, answers. Like vLLM it
/// reads no field that it does not know.
/// </summary>
internal sealed class VllmRoutes(ServedPool served, DialectEngine engine, UploadedAdapters uploads)
{
    public void Map(WebApplication app)
    {
        app.MapGet("/version", context => JsonReply.WriteAsync(context, new { Version = "0.28.1" }, context.RequestAborted));
        app.MapGet("/v1/models", ListAsync);
        app.MapPost("/v1/load_lora_adapter", LoadAsync);
        app.MapPost("/v1/unload_lora_adapter", UnloadAsync);
        app.MapPost("/v1/completions", CompleteAsync);
    }

    private Task ListAsync(HttpContext context)
    {
        object Model(string id, string? parent) => new
        {
            Id = id,
            Object = "model",
            Created = 0,
            OwnedBy = "vllm",
            Root = id,
            Parent = parent,
            MaxModelLen = parent is null ? served.Config.MaxPositionEmbeddings : (int?)null,
        };
        object[] models = [Model(served.Name, null), .. uploads.Names.Select(name => Model(name, served.Name))];
        return JsonReply.WriteAsync(context, new { Object = "list", Data = models }, context.RequestAborted);
    }

    private async Task LoadAsync(HttpContext context)
    {
        context.Features.GetRequiredFeature<Tenant>().Require(KeyRights.Score);
        using var document = await engine.ReadAsync(context).ConfigureAwait(false);
        var name = document.Root["lora_name"].Text();
        uploads.Load(name, document.Root["lora_path"].Text());
        await context.Response.WriteAsync($"Success: LoRA adapter '{name}' added successfully.", context.RequestAborted)
            .ConfigureAwait(false);
    }

    private async Task UnloadAsync(HttpContext context)
    {
        context.Features.GetRequiredFeature<Tenant>().Require(KeyRights.Score);
        using var document = await engine.ReadAsync(context).ConfigureAwait(false);
        var name = document.Root["lora_name"].Text();
        if (!uploads.Unload(name)) throw ServiceException.NotFound($"The lora adapter '{name}' cannot be found.");
        await context.Response.WriteAsync($"Success: LoRA adapter '{name}' removed successfully.", context.RequestAborted)
            .ConfigureAwait(false);
    }

    private async Task CompleteAsync(HttpContext context)
    {
        using var document = await engine.ReadAsync(context).ConfigureAwait(false);
        var root = document.Root;
        var name = root["model"].Text();
        var recipe = name == served.Name ? served.Base
            : uploads.Find(name) ?? throw ServiceException.NotFound($"The model `{name}` does not exist.");
        var prompt = engine.Ids(root["prompt"]);
        var echoes = RequestFields.Flag(root, "echo") && root.Find("logprobs") is not null && !engine.Has(ServerFault.SilentEcho);
        var sampling = RequestFields.Sampling(root, 16, served.Config.MaxPositionEmbeddings - prompt.Length);
        if (sampling.MaxTokens == 0)
        {
            if (echoes && prompt.Length == 1) throw root.Error("prompt", "has one token, which nothing stands before; give more");
            var scores = echoes ? await engine.ScoreAsync(context, recipe, prompt, 1).ConfigureAwait(false) : null;
            await WriteAsync(context, name, new
            {
                Index = 0,
                Text = scores is null ? "" : served.Tokenizer.Decode(prompt),
                Logprobs = scores is null ? null : TokenLogprobs.Legacy(served.Tokenizer, prompt, scores, 0),
                FinishReason = "length",
                PromptTokenIds = RequestFields.Flag(root, "return_token_ids") ? prompt : null,
            }, prompt.Length, 0).ConfigureAwait(false);
            return;
        }

        var closing = DialectEngine.StopTokens(root);
        var stop = DialectEngine.Texts(root.Find("stop"));
        var answer = await engine.GenerateAsync(context, recipe, prompt, sampling, stop, closing).ConfigureAwait(false);
        await WriteAsync(context, name, new
        {
            Index = 0,
            answer.Text,
            answer.FinishReason,
            StopReason = DialectEngine.Matched(answer, stop),
        }, prompt.Length, answer.Tokens).ConfigureAwait(false);
    }

    private static Task WriteAsync(HttpContext context, string model, object choice, int asked, int answered) => JsonReply.WriteAsync(
        context,
        new
        {
            Id = $"cmpl-{context.TraceIdentifier}",
            Object = "text_completion",
            Created = 0,
            Model = model,
            Choices = new[] { choice },
            Usage = new Usage(asked, answered, asked + answered),
        },
        context.RequestAborted);
}
