namespace Cuvee.LanguageModels.Http;

/// <summary>A service refused a request, or failed to answer it in every attempt.</summary>
/// <param name="status">Of the last answer; null where none arrived.</param>
/// <param name="billed">Attempts that were answered with a success of no use: a service that bills has billed them.</param>
public sealed class ServiceException(string message, int? status, Exception? inner = null, int billed = 0)
    : LanguageModelException(message, inner)
{
    public int? Status => status;

    public int Billed => billed;
}

/// <summary>An answer of status 200 that lacks what it must hold, or is no JSON; the request is sent again.</summary>
/// <param name="message">Follows the request's name, such as "has 3 log-probabilities instead of 4".</param>
public sealed class UnusableAnswerException(string message, Exception? inner = null) : Exception(message, inner);
