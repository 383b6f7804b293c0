namespace Cuvee.Inference;

/// <summary>One slot of a path.</summary>
/// <param name="Model">Position among the models, from 0.</param>
/// <param name="Layer">Of that model, from 0.</param>
/// <param name="InputScale">What the hidden state is multiplied by before the layer; finite, not 0.</param>
public sealed record PathStep(int Model, int Layer, float InputScale = 1);
